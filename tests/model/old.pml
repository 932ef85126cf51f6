/* SPDX-License-Identifier: MIT */
/*
 * The old way to start a program, as bench/oldway.c does it: the child waits for a byte on a pipe that
 * it could write to itself, and a caller that fails after the fork closes its own ends and goes.
 *
 * What spin finds here is the defect: a child that waits for ever ("invalid end state").
 */
byte writers;       /* who has the writing end of the pipe */
bool go;            /* the byte is in it */
bool returned, ok;

proctype child()
{
    if
    :: go                            /* read(2) gives the byte */
    :: writers == 0 -> goto end_gone /* or end-of-file: never, since the child counts too */
    fi;
end_program:
    true;
end_gone:
    writers--
}

active proctype caller()
{
    if
    :: writers = 1
    :: goto done /* the pipe: refused, and nothing has happened */
    fi;
    writers++;
    run child();
    if
    :: go = true; ok = true
    :: writers-- /* one more pipe for the exit: refused. No kill, no wait */
    fi;
done:
    returned = true
}
