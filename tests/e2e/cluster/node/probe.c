/* Says how it was started, and behaves as its arguments and environment ask: what the tests on a real node run.

It prints one JSON object per line on standard output. First {"event":"start",...} with argv, cwd, env, uid, gid, groups,
pid, ppid, the name of process 1 and whether standard input is a terminal; arbitrary bytes are written as the Unicode
characters of the same numbers (Latin-1). Then it does what PROBE says, words separated by commas:

  exit=N          end with this code (at once, if nothing before it takes time)
  signal=N        end by this signal
  sleep=S         wait so many seconds (may be a fraction)
  wait            wait for SIGTERM for ever; {"event":"signal","number":15}, then go on with the next word; each
                  "wait" takes a SIGTERM of its own
  ignore-term     ignore SIGTERM from now on
  stdin           read standard input to its end: {"event":"stdin","text":...}
  line            read standard input to the end of a line: {"event":"line","text":...}
  orphans=N       start N grandchildren whose parent ends at once, and wait for their end; who was their parent then:
                  {"event":"orphans","parents":[...]}
  zombies         count zombies in this process-id namespace: {"event":"zombies","count":N}
  say=TEXT        {"event":"say","text":TEXT}
  write=PATH      write the time into this file: {"event":"write","ok":true}
  read=PATH       {"event":"read","text":...,"mode":"644"} or {"event":"read","error":...}
  http=PORT       answer every request with 200 "ok" for ever, in a child of its own
  memory=MIB      touch so much memory: {"event":"memory","ok":true}
  copy=PATH       copy this program itself there, executable

Without PROBE it ends with code 0. Each event has "time", in seconds since 1970. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t terminated;

static void on_term(int number) { terminated = number; }

static void text(const char *bytes, size_t size) {
  putchar('"');
  for (size_t i = 0; i < size; i++) {
    unsigned char c = bytes[i];
    if (c == '"' || c == '\\')
      printf("\\%c", c);
    else if (c < 0x20 || c > 0x7e)
      printf("\\u%04x", c);
    else
      putchar(c);
  }
  putchar('"');
}

static void strings(const char *name, char **list) {
  printf(",\"%s\":[", name);
  for (int i = 0; list[i]; i++) {
    if (i) putchar(',');
    text(list[i], strlen(list[i]));
  }
  putchar(']');
}

static void begin(const char *event) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  printf("{\"event\":\"%s\",\"time\":%lld.%06ld", event, (long long)now.tv_sec, now.tv_nsec / 1000);
}

static void end(void) {
  puts("}");
  fflush(stdout);
}

static void field(const char *name, const char *bytes, size_t size) {
  printf(",\"%s\":", name);
  text(bytes, size);
}

static size_t slurp(int file, char *into, size_t room) {
  size_t size = 0;
  ssize_t got;
  while (size < room && (got = read(file, into + size, room - size)) > 0) size += got;
  return size;
}

static void start(char **argv) {
  char buffer[4096];
  gid_t groups[64];
  int count = getgroups(64, groups), file = open("/proc/1/comm", O_RDONLY);
  begin("start");
  strings("argv", argv);
  strings("env", environ);
  if (getcwd(buffer, sizeof buffer)) field("cwd", buffer, strlen(buffer));
  printf(",\"uid\":%d,\"gid\":%d,\"pid\":%d,\"ppid\":%d,\"groups\":[", getuid(), getgid(), getpid(), getppid());
  for (int i = 0; i < count; i++) printf("%s%d", i ? "," : "", groups[i]);
  printf("],\"tty\":%s", isatty(0) ? "true" : "false");
  if (file >= 0) {
    size_t size = slurp(file, buffer, sizeof buffer);
    field("init", buffer, size ? size - 1 : 0);
    close(file);
  }
  end();
}

static void orphans(int count) {
  begin("orphans");
  printf(",\"parents\":[");
  fflush(stdout);
  for (int i = 0; i < count; i++) {
    int ends[2];
    pid_t parent = -1, child = pipe(ends) == 0 ? fork() : -1;
    if (child == 0) {
      if (fork() == 0) {
        usleep(100000);
        parent = getppid();
        if (write(ends[1], &parent, sizeof parent) < 0) _exit(1);
      }
      _exit(0);
    }
    waitpid(child, 0, 0);
    close(ends[1]);
    if (read(ends[0], &parent, sizeof parent) < 0) parent = -1;
    close(ends[0]);
    printf("%s%d", i ? "," : "", parent);
  }
  putchar(']');
  end();
}

static void zombies(void) {
  int count = 0;
  DIR *proc = opendir("/proc");
  struct dirent *entry;
  while (proc && (entry = readdir(proc))) {
    char path[300], line[512], *after;
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    int file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
    if (file < 0) continue;
    size_t size = slurp(file, line, sizeof line - 1);
    close(file);
    line[size] = 0;
    after = strrchr(line, ')');
    if (after && after[2] == 'Z') count++;
  }
  if (proc) closedir(proc);
  begin("zombies");
  printf(",\"count\":%d", count);
  end();
}

static void read_file(const char *path, const char *event) {
  static char content[1 << 20];
  struct stat about;
  int file = path ? open(path, O_RDONLY) : 0;
  begin(event);
  if (file < 0) {
    field("error", strerror(errno), strlen(strerror(errno)));
  } else {
    size_t size = slurp(file, content, sizeof content);
    field("text", content, size);
    if (path && fstat(file, &about) == 0) printf(",\"mode\":\"%o\"", about.st_mode & 07777);
    if (path) close(file);
  }
  end();
}

static void read_line(void) {
  char line[4096];
  size_t size = 0;
  while (size < sizeof line && read(0, line + size, 1) == 1 && line[size++] != '\n') {
  }
  begin("line");
  field("text", line, size);
  end();
}

static void copy(const char *from, const char *path, mode_t mode) {
  static char content[1 << 22];
  int source = from ? open(from, O_RDONLY) : -1, file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  size_t size = source >= 0 ? slurp(source, content, sizeof content) : (size_t)snprintf(content, 32, "%ld\n", time(0));
  int ok = file >= 0 && write(file, content, size) == (ssize_t)size && fchmod(file, mode) == 0;
  begin("write");
  printf(",\"ok\":%s", ok ? "true" : "false");
  if (!ok) field("error", strerror(errno), strlen(strerror(errno)));
  end();
}

static void serve(int port) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  int ok = bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 16) == 0;
  begin("http");
  printf(",\"ok\":%s", ok ? "true" : "false");
  end();
  if (ok && fork() == 0) {
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
      char request[4096];
      int connection = accept(listening, 0, 0);
      if (read(connection, request, sizeof request) > 0 && write(connection, answer, sizeof answer - 1) < 0) _exit(1);
      close(connection);
    }
  }
  close(listening);
}

static void nap(double seconds) {
  struct timespec left = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static void wait_for_term(void) {
  sigset_t term, before;
  struct sigaction handled = {.sa_handler = on_term};
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);
  sigaction(SIGTERM, &handled, 0);
  begin("waiting");
  end();
  while (!terminated) sigsuspend(&before);
  sigprocmask(SIG_SETMASK, &before, 0);
  begin("signal");
  printf(",\"number\":%d", (int)terminated);
  end();
  terminated = 0;
}

static void take_memory(size_t size) {
  static char *volatile taken;  // what nobody could look at the compiler would leave out
  taken = malloc(size);
  if (taken) memset(taken, 1, size);
  begin("memory");
  printf(",\"ok\":%s", taken ? "true" : "false");
  end();
}

static void act(char *word) {
  char *value = strchr(word, '=');
  if (value) *value++ = 0;
  double number = value ? atof(value) : 0;
  if (!strcmp(word, "exit")) exit((int)number);
  else if (!strcmp(word, "signal")) signal((int)number, SIG_DFL), raise((int)number);
  else if (!strcmp(word, "sleep")) nap(number);
  else if (!strcmp(word, "wait")) wait_for_term();
  else if (!strcmp(word, "ignore-term")) signal(SIGTERM, SIG_IGN);
  else if (!strcmp(word, "stdin")) read_file(0, "stdin");
  else if (!strcmp(word, "line")) read_line();
  else if (!strcmp(word, "orphans")) orphans((int)number);
  else if (!strcmp(word, "zombies")) zombies();
  else if (!strcmp(word, "say") && value) begin("say"), field("text", value, strlen(value)), end();
  else if (!strcmp(word, "write") && value) copy(0, value, 0644);
  else if (!strcmp(word, "read") && value) read_file(value, "read");
  else if (!strcmp(word, "http")) serve((int)number);
  else if (!strcmp(word, "copy") && value) copy("/proc/self/exe", value, 0755);
  else if (!strcmp(word, "memory")) take_memory((size_t)number << 20);
  else {
    fprintf(stderr, "PROBE: there is no word \"%s\"\n", word);
    exit(64);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  start(argv);
  const char *asked = getenv("PROBE");
  char *script = asked ? strdup(asked) : 0, *state = 0;
  for (char *word = script ? strtok_r(script, ",", &state) : 0; word; word = strtok_r(0, ",", &state)) act(word);
  return 0;
}
