/* SPDX-License-Identifier: MIT */
/*
 * One start, as lib/start and lib/os make it: reserve, launch, learn, commit or take back.
 *
 * The caller, the new process and whoever may interfere: each reservation may be refused, each step of
 * the new process may fail, it may be killed at any moment, and so may the caller. With TIMED the start
 * has a bound and exec may hang in the kernel; with FORK the new process is a plain fork, which tells
 * of its exec by a pipe, and a stranger's fork may hold that pipe open.
 *
 * What must hold: a start that has failed has left no process, no descriptor and no memory; memory is
 * never given back while the new process may use it; a start that has succeeded has a program that
 * began; the call returns, and no process stays on its way, whoever has died. Each MUTANT_… breaks one
 * of these, and spin must find it.
 */
mtype = { NEW, AT_STEP, EXECING, FAILED };                /* what the record says */
mtype = { NOBODY, ALIVE, ZOMBIE, REAPED };                /* what the new process is */

#define STEPS 3

mtype record = NEW;
mtype child = NOBODY;
bool let_go;          /* the kernel has cleared or marked the word: the memory has been left */
bool execed;          /* past the point of no return, in the kernel's own books */
bool killed;          /* SIGKILL for the new process */
bool holds_pipe;      /* the new process has its end of the report pipe */
bool caller_dead;
byte writers;         /* of the report pipe */
byte ours;            /* descriptors of the start that the caller has open */
bool block;           /* the stack and the record */
bool timed_out, returned, ok;

#define ON_ITS_WAY (child == ALIVE && !execed)

/* ------------------------------------------------------------------ the new process */

inline close_pipe()
{
    d_step {
        writers = writers - holds_pipe;
        holds_pipe = false
    }
}

proctype new_process()
{
    byte step = 0;
    {
        do
        :: step < STEPS ->
            record = AT_STEP;
            if
            :: step++
            :: record = FAILED; goto gone
            fi
        :: step == STEPS -> break
        od;
        record = EXECING;
        if
        :: skip
        :: record = FAILED; goto gone /* execve(2) says no */
#ifdef TIMED
        :: true -> false              /* or nothing, for ever */
#endif
        fi;
#ifdef FORK
        /* exec loses the lock, then the kernel's mark, then what is close-on-exec. */
        let_go = true;
        execed = true;
        close_pipe();
#else
        /* The exit signal becomes SIGCHLD, then the memory goes. */
        execed = true;
        let_go = true;
#endif
        if
        :: skip
        :: true -> end_program: false /* it runs as long as it likes */
        fi
    } unless { killed };
gone:
    let_go = true;
    close_pipe();
    child = ZOMBIE
}

/* ------------------------------------------------------------------ the caller */

/* Asked only of a process that has ended or left its memory. */
#ifdef MUTANT_RECORD_IS_SUCCESS
#define HAS_BEGUN (record == EXECING)
#else
#define HAS_BEGUN (record == EXECING && execed)
#endif

/* That a lost lock is followed by exec's end within 100 ms is the one thing taken for granted. */
#ifdef FORK
#ifdef MUTANT_PIPE_ALONE
#define HAS_LEFT (writers == 0)
#else
#define HAS_LEFT (writers == 0 || child == ZOMBIE || (let_go && execed))
#endif
#else
#define HAS_LEFT let_go
#endif

inline give_back()
{
    assert(child == NOBODY || let_go);
    block = false
}

inline take_back()
{
    if
    :: child == NOBODY
    :: else ->
#ifdef MUTANT_MEMORY_EARLY
        give_back();
#endif
#ifndef MUTANT_NO_KILL
        killed = true;
#endif
#ifndef MUTANT_NO_REAP
        child == ZOMBIE;
        child = REAPED
#endif
    fi;
    ours = 0;
    give_back()
}

proctype caller()
{
    {
        if
        :: block = true
        :: goto failed
        fi;
        if
        :: ours = 1
        :: goto failed
        fi;
#ifdef FORK
        if
        :: writers = 1; ours++
        :: goto failed
        fi;
#endif
        if
        :: atomic {
            child = ALIVE;
#ifdef FORK
            writers++;
            holds_pipe = true;
            if
            :: writers++; run stranger()
            :: skip
            fi;
#endif
            run new_process()
        }
        :: goto failed
        fi;
#ifdef FORK
        writers--;
#endif
        if
        :: HAS_LEFT
#ifdef TIMED
        :: true -> timed_out = true
#endif
        fi;
        if
        :: HAS_BEGUN && !timed_out ->
            ours = 1;
            give_back();
            ok = true;
            goto done
        :: else
        fi;
failed:
        take_back();
done:
        returned = true
    } unless { caller_dead };
    if
    :: returned && ok -> assert(execed && ours == 1 && !block)
    :: returned && !ok ->
        assert(child == NOBODY || child == REAPED);
        assert(ours == 0 && !block)
    :: else -> ours = 0 /* the kernel closes what a dead caller had */
    fi
}

/* ------------------------------------------------------------------ who interferes */

/* Forked by another thread of the caller at a bad moment, it holds the pipe as long as it likes. */
proctype stranger()
{
    if
    :: skip
    :: true -> end_holding: false
    fi;
    writers--
}

proctype killer()
{
    if
    :: child == ALIVE -> killed = true
    :: skip
    fi
}

proctype murderer()
{
    if
    :: !returned -> caller_dead = true
    :: skip
    fi
}

/* It kills the new process when its time is over, whoever has died; exec disarms it. */
proctype timer()
{
end_never_armed:
    child == ALIVE;
    if
    :: ON_ITS_WAY -> killed = true
    :: !ON_ITS_WAY
    fi
}

init
{
    atomic {
        run caller();
        run killer();
        run murderer();
#if defined(TIMED) && !defined(MUTANT_NO_TIMER)
        run timer()
#endif
    }
}

ltl the_call_returns { <> (returned || caller_dead) }
ltl nobody_stays_on_its_way { <> [] (!ON_ITS_WAY) }
