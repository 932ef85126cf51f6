#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# tests/man/examples.t: every complete program of the manual is compiled and run.
# bound: 240
#
# A complete program is a literal block with `int main` or `int` and `main` on two lines. Each is
# compiled against include/brood.h and libbrood.a with warnings as errors, and run in an empty
# directory; it must exit with 0 and leave no process behind. If the words between it and the next
# literal block are just "prints", that block is what it has to print; `...` at the end of a line
# stands for the rest of it. It may print nothing on standard error. The example of README.md is
# tried in the same way. CC, CFLAGS and LDFLAGS have to be those of the library.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempdir);
use POSIX qw(setpgid);

my $bound = 20;    # seconds for one program
my $source = $ENV{BROOD_SOURCE} || dirname(__FILE__) . '/../..';
my $build = $ENV{BROOD_BUILD} || "$source/build";
my @compile = (map({ split ' ' } $ENV{CC} || 'cc', $ENV{CFLAGS} // '', $ENV{LDFLAGS} // ''),
    qw(-std=gnu11 -Wall -Wextra -Wpedantic -Werror -pthread), "-I$source/include");
my $dir = tempdir('brood-man.XXXXXX', TMPDIR => 1, CLEANUP => 1);

# The literal blocks of a page: text as a reader sees it, its line, and the words before it.
sub blocks {
    my ($page) = @_;
    my (@found, $inside, @words);
    open my $in, '<', $page or die "$page: $!\n";
    while (<$in>) {
        if (/^\.Bd -literal/) {
            $inside = { line => $., text => '', words => join(' ', @words) };
        } elsif (/^\.Ed/ && $inside) {
            push @found, $inside;
            ($inside, @words) = (undef);
        } elsif ($inside) {
            $inside->{text} .= seen($_);
        } elsif (!/^\.(Pp|\\")/) {
            chomp;
            push @words, $_;
        }
    }
    return @found;
}

# roff's escapes undone: those that literal text needs, and no others.
sub seen {
    my ($line) = @_;
    my %is = ('\e' => '\\', '\(aq' => "'", '\(dq' => '"', '\&' => '', '\-' => '-');
    $line =~ s{(\\\(..|\\.)}{$is{$1} // die "an escape that this test does not know: $1\n"}ge;
    return $line;
}

sub slurp {
    my ($name) = @_;
    open my $in, '<', $name or return '';
    local $/;
    return <$in> // '';
}

sub put {
    my ($name, $text) = @_;
    open my $out, '>', $name or die "$name: $!\n";
    print $out $text;
    close $out or die "$name: $!\n";
}

# Processes of a group, by /proc: after the last ')' of stat come state, parent, group.
sub members {
    my ($group) = @_;
    return grep { slurp("/proc/$_/stat") =~ /.*\) \S \d+ (\d+) /s && $1 == $group }
        map { basename($_) } glob('/proc/[0-9]*');
}

# Runs a command in $where, words to files. Returns the wait status, undef when its time was over,
# and whether it left a process in its group. The group is led by a process of ours that is reaped
# last, so that its number cannot become anybody else's before the group is ended.
sub run {
    my ($where, $seconds, @command) = @_;
    my $leader = fork // die "fork: $!\n";
    if (!$leader) {
        setpgid(0, 0);
        exec('sleep', $seconds + 60) or POSIX::_exit(127);
    }
    setpgid($leader, $leader);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgid(0, $leader) or die "setpgid: $!\n";
        chdir $where or die "$where: $!\n";
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$where.out";
        open STDERR, '>', "$where.err";
        exec @command or POSIX::_exit(127);
    }
    my $done = eval {
        local $SIG{ALRM} = sub { die "time\n" };
        alarm $seconds;
        waitpid $pid, 0;
        alarm 0;
        1;
    };
    my $status = $done ? $? : undef;
    my $left = grep { $_ != $leader && $_ != $pid } members($leader);
    kill 'KILL', -$leader;
    waitpid $pid, 0 unless $done;
    waitpid $leader, 0;
    return ($status, $left);
}

my $test = 0;
my $failed = 0;
sub ok {
    my ($good, $what, @why) = @_;
    $test++;
    $failed++ unless $good;
    print $good ? '' : 'not ', "ok $test - $what\n";
    print map { "# $_\n" } map { split /\n/ } @why unless $good;
}

# Is what was said what the page shows?
sub agree {
    my ($said, $output) = @_;
    my $pattern = quotemeta $output;
    $pattern =~ s/\\\.\\\.\\\.\\\n/.*\\n/g;
    return $said =~ /\A$pattern\z/;
}

my $number = 0;
# One program: compiled, run, compared.
sub try {
    my ($name, $program, $output, $may_leave) = @_;
    my $base = "$dir/" . ++$number;
    mkdir $base or die "$base: $!\n";
    put("$base.c", $program);
    my ($status) = run($base, 60, @compile, '-o', "$base.exe", "$base.c", "$build/libbrood.a");
    return ok(0, "$name compiles", "@compile", slurp("$base.err")) if !defined $status || $status;
    ($status, my $left) = run($base, $bound, "$base.exe");
    my $said = slurp("$base.out");
    my $complaint = slurp("$base.err");
    my @why;
    push @why, "not done within $bound s" unless defined $status;
    push @why, "wait status $status" if $status;
    push @why, "on standard error:", $complaint if $complaint ne '';
    push @why, 'a process was left behind' if $left && !$may_leave;
    push @why, 'printed:', $said, 'the page says:', $output
        if defined $output && !agree($said, $output);
    ok(!@why, $name, @why);
}

# The test itself must be able to fail.
sub refuses {
    my ($what, @arguments) = @_;
    my ($before_test, $before_failed) = ($test, $failed);
    open my $real, '>&', \*STDOUT;
    open STDOUT, '>', '/dev/null';
    try($what, @arguments);
    open STDOUT, '>&', $real;
    my $seen = $failed > $before_failed;
    ($test, $failed) = ($before_test, $before_failed);
    ok($seen, "self-test: notices $what");
}

$| = 1;
my $main = "#include <brood.h>\n#include <unistd.h>\n#include <stdio.h>\nint main(void)\n";
refuses('what does not compile', "$main { nothing }\n");
refuses('an exit status', "$main { return 1; }\n");
refuses('another output', "$main { puts(\"a\"); return 0; }\n", "b\n");
refuses('another line after a free end', "$main { puts(\"a b\\nc\"); return 0; }\n", "a ...\nb\n");
refuses('a process left behind', "$main { if (fork() == 0) sleep(30); return 0; }\n");

my $source_pages = "$source/doc/man";
my @pages = sort glob("$source_pages/*.3");
ok(scalar @pages, 'there are pages');
for my $page (@pages) {
    my $name = basename($page);
    my @blocks = blocks($page);
    my $programs = 0;
    for my $i (0 .. $#blocks) {
        next unless $blocks[$i]{text} =~ /^int\s+main\b/m;
        $programs++;
        my $next = $i < $#blocks ? $blocks[ $i + 1 ] : undef;
        my $output = $next && $next->{words} eq 'prints' ? $next->{text} : undef;
        # The one program whose subject is a process that outlives its parent.
        my $may_leave = $blocks[$i]{text} =~ /BROOD_EXIT_STREAMS_HELD/;
        try("$name:$blocks[$i]{line}", $blocks[$i]{text}, $output, $may_leave);
    }
    ok($programs, "$name has a complete program");
}

# README.md's example is the inside of a function. It has to compile, and to print the sentence that
# its own comment shows where /srv/repo is not there.
my ($inside) = slurp("$source/README.md") =~ /^```c\n(.*?)^```$/ms;
ok(defined $inside, 'README.md has an example');
if (defined $inside) {
    my ($sentence) = $inside =~ m{/\* (cannot start .*?) \*/};
    my $head = "#include <brood.h>\n#include <stdio.h>\nstatic int example(void)\n{\n";
    my $tail = "return 0;\n}\nint main(void) { return example() < 0; }\n";
    try('README.md', "$head$inside$tail", -e '/srv/repo' ? undef : "$sentence\n");
}
print "1..$test\n";
exit($failed ? 1 : 0);
