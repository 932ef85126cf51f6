/* SPDX-License-Identifier: MIT */
/*
 * Tells a missing interpreter from a missing script, a directory from a file without permission,
 * and so on, by looking at the candidates that the new process tried.
 *
 * Room start. Invariant: the errno is the one that exec gave; only the detail and the subject are
 * ours.
 */
#include "explain.h"

#include <errno.h>

#include "../plan/error.h"

static void look_at(const struct bd_plan *plan, const char *candidate, int code,
                    struct os_exec_facts *ret)
{
    int cwd_fd = plan->options.flags & BROOD_SET_CWD_FD ? plan->options.cwd_fd : -1;
    bd_os_exec_explain(cwd_fd, plan->cwd, candidate, code, ret);
}

/* In a search the name itself was in no directory, or it was in one and its interpreter is
 * missing. */
static int explain_search(const struct bd_plan *plan, int code, struct brood_error *reterr)
{
    for (size_t i = 0; i < plan->exec.candidate_count; i++) {
        struct os_exec_facts facts;
        look_at(plan, plan->exec.candidates[i], code, &facts);
        if (facts.detail == BROOD_DETAIL_INTERPRETER)
            return bd_error_detail(reterr, BROOD_STAGE_EXEC, code, facts.detail, facts.interpreter,
                                   -1);
    }
    return bd_error_detail(reterr, BROOD_STAGE_EXEC, code, BROOD_DETAIL_NOT_FOUND, plan->path, -1);
}

/* Somebody else was refused, and what the caller may do says nothing about that. */
static bool is_hearsay(const struct bd_plan *plan, int code, int32_t detail)
{
    return code == EACCES && plan->options.credentials && detail != BROOD_DETAIL_IS_DIRECTORY &&
           detail != BROOD_DETAIL_NOEXEC_MOUNT;
}

int bd_explain_exec(const struct bd_plan *plan, const struct os_report *report,
                    struct brood_error *reterr)
{
    const char *candidate = plan->exec.candidates[report->choice];
    if (plan->path && (report->code == ENOENT || report->code == ENOTDIR))
        return explain_search(plan, report->code, reterr);

    struct os_exec_facts facts;
    look_at(plan, candidate, report->code, &facts);
    if (is_hearsay(plan, report->code, facts.detail))
        facts.detail = BROOD_DETAIL_NONE;
    bool by_interpreter = facts.detail == BROOD_DETAIL_INTERPRETER;
    bool foreign = facts.detail == BROOD_DETAIL_WRONG_MACHINE;
    return bd_error_detail(reterr, BROOD_STAGE_EXEC, report->code, facts.detail,
                           by_interpreter ? facts.interpreter : candidate,
                           foreign ? facts.machine : -1);
}
