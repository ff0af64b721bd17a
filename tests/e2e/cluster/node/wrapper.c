/* A wrapper that keeps the contract (docs/wrapper.md), and breaks it in one point under another name:

  keeps            in none
  swallows-term    does not forward SIGTERM
  splits-words     splits the command line at spaces
  uses-a-shell     hands the command line to a shell
  loses-the-code   ends with 0, whatever the agent ends with
  does-not-reap    waits for the agent alone

It is the suite's own test: the suite has to find each of them out. Usage: NAME -- PROGRAM ARGUMENTS... */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, 0};
static const char *name;
static pid_t agent;

static int is(const char *defect) { return !strcmp(name, defect); }

static void forward(int number) {
  if (!(number == SIGTERM && is("swallows-term"))) kill(agent, number);
}

static char *joined(char **words) {
  size_t size = 1;
  for (char **word = words; *word; word++) size += strlen(*word) + 1;
  char *line = calloc(size, 1);
  for (char **word = words; *word; word++) strcat(strcat(line, *word), word[1] ? " " : "");
  return line;
}

static char **split(char *line) {
  char **words = calloc(strlen(line) + 2, sizeof *words);
  int count = 0;
  for (char *word = strtok(line, " "); word; word = strtok(0, " ")) words[count++] = word;
  return words;
}

static void become(char **words) {
  char *shell[] = {"/bin/sh", "-c", joined(words), 0};
  if (is("splits-words")) words = split(joined(words));
  if (is("uses-a-shell")) words = shell;
  setpgid(0, 0);
  tcsetpgrp(0, getpid());
  signal(SIGTTOU, SIG_DFL);
  execvp(words[0], words);
  _exit(errno == ENOENT ? 127 : 126);
}

static int wait_for_agent(void) {
  int status = 0;
  for (;;) {
    pid_t ended = waitpid(is("does-not-reap") ? agent : -1, &status, 0);
    if (ended == agent && WIFEXITED(status)) return WEXITSTATUS(status);
    if (ended == agent && WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  }
}

int main(int argc, char **argv) {
  name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
  if (argc < 3 || strcmp(argv[1], "--")) return 64;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  signal(SIGTTOU, SIG_IGN);
  agent = fork();
  if (agent < 0) return 70;
  if (agent == 0) {
    sigprocmask(SIG_SETMASK, &before, 0);
    become(argv + 2);
  }
  for (const int *number = forwarded; *number; number++) signal(*number, forward);
  sigprocmask(SIG_SETMASK, &before, 0);
  int code = wait_for_agent();
  return is("loses-the-code") ? 0 : code;
}
