/* SPDX-License-Identifier: MIT */
/*
 * A detached start, as lib/os/linux_middle.c makes it: a process in the middle makes the new one, sees
 * it begin or ends it, says so and goes, so that the program is the child of whoever takes in orphans.
 *
 * The one in the middle and the new process may be killed at any moment, every step may be refused, and
 * the caller may die. What must hold: a start that has failed has left no process, also if the one in
 * the middle was killed and nobody is there to say what it has made; the caller is left no zombie; one
 * that has succeeded has a program that began. Each MUTANT_… breaks one of these.
 */
mtype = { NOBODY, ALIVE, ZOMBIE, REAPED };

#define STEPS 2

mtype middle = NOBODY, child = NOBODY;
bool born;            /* its number stands in the word: the first thing that the kernel does in it */
bool execing, execed; /* what the record says, and the kernel */
bool let_go;          /* the new process has left the memory of the start */
bool killed, middle_killed, caller_dead;
bool verdict, began;  /* what the one in the middle says */
bool block, returned, ok;

#define ON_ITS_WAY (child == ALIVE && !execed)

proctype new_process()
{
    byte step = 0;
    born = true;
    {
        do
        :: step < STEPS ->
            if
            :: step++
            :: goto gone
            fi
        :: step == STEPS -> break
        od;
        execing = true;
        if
        :: skip
        :: execing = false; goto gone
        fi;
        execed = true;
        let_go = true;
        if
        :: skip
        :: true -> end_program: false
        fi
    } unless { killed };
gone:
    let_go = true;
    child = ZOMBIE
}

proctype in_the_middle()
{
    {
        if
        :: atomic { child = ALIVE; run new_process() }
        :: goto say
        fi;
        let_go;
        if
        :: execing && execed -> began = true
        :: else ->
            killed = true;
            child == ZOMBIE;
            child = REAPED
        fi;
say:
        verdict = true
    } unless { middle_killed };
    middle = ZOMBIE
}

inline end_orphan()
{
    if
    :: child == NOBODY
#ifdef MUTANT_UNBORN_IS_NOBODY
    :: child != NOBODY && !born
    :: child != NOBODY && born ->
#else
    :: child != NOBODY ->
        born;
#endif
#ifndef MUTANT_ORPHAN_LEFT
        killed = true; /* by its pidfd: it is this one or nobody */
        (child == ZOMBIE || child == REAPED) && let_go
#else
        skip
#endif
    fi
}

proctype caller()
{
    {
        if
        :: block = true
        :: goto failed
        fi;
        if
        :: atomic { middle = ALIVE; run in_the_middle() }
        :: goto failed
        fi;
        middle == ZOMBIE;
#ifndef MUTANT_MIDDLE_LEFT
        middle = REAPED;
#endif
        if
#ifdef MUTANT_SILENCE_IS_SUCCESS
        :: !verdict -> goto good
#else
        :: !verdict -> end_orphan(); goto failed
#endif
        :: verdict && began -> goto good
        :: verdict && !began -> goto failed
        fi;
good:
        ok = true;
failed:
        assert(child == NOBODY || let_go);
        block = false;
        returned = true
    } unless { caller_dead };
    if
    :: returned && ok -> assert(execed)
    :: returned && !ok -> assert(child == NOBODY || child == ZOMBIE || child == REAPED)
    :: else
    fi;
    assert(!returned || middle != ZOMBIE)
}

/* Whoever takes in orphans. */
proctype reaper()
{
    do
    :: atomic { child == ZOMBIE && (middle == ZOMBIE || middle == REAPED) -> child = REAPED; break }
    :: child == REAPED -> break
    :: timeout -> break
    od
}

proctype killer()
{
    if
    :: child == ALIVE -> killed = true
    :: skip
    fi;
    if
    :: middle == ALIVE -> middle_killed = true
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

init
{
    atomic { run caller(); run reaper(); run killer(); run murderer() }
}

ltl the_call_returns { <> (returned || caller_dead) }
ltl nobody_stays_on_its_way { <> [] (!ON_ITS_WAY) }
