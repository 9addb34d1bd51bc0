/* A library for LD_PRELOAD that counts the steps of a program which change something, and lets one
   of them fail, kills the program there, or sets its clock. Only for tests: see fault_points.py. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { DISK = 1, NAMES = 2, COMMITS = 4, SYNCS = 8, ATTRIBUTES = 16 };
enum { COUNT = 0, KILL_BEFORE = 1, KILL_AFTER = 2, TEAR = 3, FAIL = 4, JUMP = 5 };

/* Shared by all processes that come of the first one. */
struct plan {
    long steps;   /* taken until now */
    long at;      /* the step that is concerned, from 1 on */
    int which;    /* kinds of steps that are counted */
    int action;
    int error;    /* errno of FAIL */
    int lasting;  /* all steps from `at` on fail */
    long seconds; /* by which the clock is wrong */
    long jump;    /* by which it is set at `at` */
};
static struct plan *plan;

__attribute__((constructor)) static void begin(void) {
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan == MAP_FAILED)
        abort();
}

void fault_arm(int which, int action, long at, int error, int lasting, long seconds, long jump) {
    plan->at = at, plan->action = action, plan->error = error, plan->lasting = lasting;
    plan->seconds = seconds, plan->jump = jump;
    if (which) /* else the number of steps stays to be asked for */
        plan->steps = 0;
    plan->which = which;
}

long fault_steps(void) { return plan ? plan->steps : 0; }

static void die(void) {
    kill(0, SIGKILL);
    for (;;)
        pause();
}

/* Count a step; tell whether it has to fail (errno is set), to be torn, or to be the last one. */
static int step(int kind) {
    if (!plan || !(plan->which & kind))
        return COUNT;
    long number = __sync_add_and_fetch(&plan->steps, 1);
    int is_due = number == plan->at || (plan->lasting && plan->at && number > plan->at);
    if (!is_due)
        return COUNT;
    if (plan->action == KILL_BEFORE)
        die();
    if (plan->action == JUMP)
        plan->seconds = plan->jump;
    if (plan->action == FAIL) /* who may not set a mode is told so in another way */
        errno = kind == ATTRIBUTES && plan->error == EACCES ? EPERM : plan->error;
    return plan->action;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define DO(kind, type, call)          \
    do {                              \
        int what = step(kind);        \
        if (what == FAIL)             \
            return -1;                \
        type result = call;           \
        if (what == KILL_AFTER || what == TEAR) \
            die();                    \
        return result;                \
    } while (0)

static int is_file(int descriptor) {
    struct stat status;
    int before = errno;
    int is_one = descriptor > 2 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    errno = before;
    return is_one;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    static __typeof__(&write) real;
    if (!real)
        real = REAL(write);
    if (!is_file(descriptor))
        return real(descriptor, data, size);
    int what = step(DISK);
    if (what == FAIL)
        return -1;
    ssize_t result = real(descriptor, data, what == TEAR ? size / 2 : size);
    if (what == KILL_AFTER || what == TEAR)
        die();
    return result;
}

#define PWRITE(name, offset_type)                                                       \
    ssize_t name(int descriptor, const void *data, size_t size, offset_type offset) {   \
        static __typeof__(&name) real;                                                  \
        if (!real)                                                                      \
            real = REAL(name);                                                          \
        if (!is_file(descriptor))                                                       \
            return real(descriptor, data, size, offset);                                \
        int what = step(DISK);                                                          \
        if (what == FAIL)                                                               \
            return -1;                                                                  \
        ssize_t result = real(descriptor, data, what == TEAR ? size / 2 : size, offset); \
        if (what == KILL_AFTER || what == TEAR)                                         \
            die();                                                                      \
        return result;                                                                  \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* Copies of a file that the kernel makes. */
#define COPY(name, target, ...)                                                         \
    do {                                                                                \
        if (!is_file(target))                                                           \
            return REAL(name)(__VA_ARGS__);                                             \
        DO(DISK, ssize_t, REAL(name)(__VA_ARGS__));                                     \
    } while (0)

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    COPY(sendfile, out, out, in, offset, size);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    COPY(sendfile64, out, out, in, offset, size);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    COPY(copy_file_range, out, in, from, out, to, size, flags);
}

int fsync(int descriptor) { DO(SYNCS, int, REAL(fsync)(descriptor)); }
int fdatasync(int descriptor) { DO(SYNCS, int, REAL(fdatasync)(descriptor)); }
int ftruncate(int descriptor, off_t size) { DO(DISK, int, REAL(ftruncate)(descriptor, size)); }
int ftruncate64(int descriptor, off64_t size) {
    DO(DISK, int, REAL(ftruncate64)(descriptor, size));
}
int truncate(const char *path, off_t size) { DO(DISK, int, REAL(truncate)(path, size)); }
int truncate64(const char *path, off64_t size) { DO(DISK, int, REAL(truncate64)(path, size)); }
int fallocate(int descriptor, int mode, off_t offset, off_t size) {
    DO(DISK, int, REAL(fallocate)(descriptor, mode, offset, size));
}
int fallocate64(int descriptor, int mode, off64_t offset, off64_t size) {
    DO(DISK, int, REAL(fallocate64)(descriptor, mode, offset, size));
}

/* These return their error. */
#define POSIX_FALLOCATE(name, offset_type)                                  \
    int name(int descriptor, offset_type offset, offset_type size) {        \
        int what = step(DISK);                                              \
        if (what == FAIL)                                                   \
            return plan->error;                                             \
        int result = REAL(name)(descriptor, offset, size);                  \
        if (what == KILL_AFTER || what == TEAR)                             \
            die();                                                          \
        return result;                                                      \
    }
POSIX_FALLOCATE(posix_fallocate, off_t)
POSIX_FALLOCATE(posix_fallocate64, off64_t)

int chmod(const char *path, mode_t mode) { DO(ATTRIBUTES, int, REAL(chmod)(path, mode)); }
int fchmod(int descriptor, mode_t mode) { DO(ATTRIBUTES, int, REAL(fchmod)(descriptor, mode)); }
int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    DO(ATTRIBUTES, int, REAL(fchmodat)(folder, path, mode, flags));
}
int chown(const char *path, uid_t user, gid_t group) {
    DO(ATTRIBUTES, int, REAL(chown)(path, user, group));
}
int lchown(const char *path, uid_t user, gid_t group) {
    DO(ATTRIBUTES, int, REAL(lchown)(path, user, group));
}
int fchown(int descriptor, uid_t user, gid_t group) {
    DO(ATTRIBUTES, int, REAL(fchown)(descriptor, user, group));
}
int fchownat(int folder, const char *path, uid_t user, gid_t group, int flags) {
    DO(ATTRIBUTES, int, REAL(fchownat)(folder, path, user, group, flags));
}
int futimens(int descriptor, const struct timespec times[2]) {
    DO(ATTRIBUTES, int, REAL(futimens)(descriptor, times));
}
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    DO(ATTRIBUTES, int, REAL(utimensat)(folder, path, times, flags));
}

int unlink(const char *path) { DO(NAMES, int, REAL(unlink)(path)); }
int unlinkat(int folder, const char *path, int flags) {
    DO(NAMES, int, REAL(unlinkat)(folder, path, flags));
}
int rmdir(const char *path) { DO(NAMES, int, REAL(rmdir)(path)); }
int mkdir(const char *path, mode_t mode) { DO(NAMES, int, REAL(mkdir)(path, mode)); }
int mkdirat(int folder, const char *path, mode_t mode) {
    DO(NAMES, int, REAL(mkdirat)(folder, path, mode));
}
int rename(const char *old, const char *new) { DO(NAMES, int, REAL(rename)(old, new)); }
int renameat(int from, const char *old, int to, const char *new) {
    DO(NAMES, int, REAL(renameat)(from, old, to, new));
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    DO(NAMES, int, REAL(renameat2)(from, old, to, new, flags));
}
int symlink(const char *target, const char *path) { DO(NAMES, int, REAL(symlink)(target, path)); }
int symlinkat(const char *target, int folder, const char *path) {
    DO(NAMES, int, REAL(symlinkat)(target, folder, path));
}
int link(const char *old, const char *new) { DO(NAMES, int, REAL(link)(old, new)); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
    DO(NAMES, int, REAL(linkat)(from, old, to, new, flags));
}

#define OPEN(name)                                                  \
    int name(const char *path, int flags, ...) {                    \
        static __typeof__(&name) real;                              \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                               \
        if (!real)                                                  \
            real = REAL(name);                                      \
        if (!(flags & (O_CREAT | O_TRUNC)))                         \
            return real(path, flags, mode);                         \
        DO(NAMES, int, real(path, flags, mode));                    \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                \
    int name(int folder, const char *path, int flags, ...) {        \
        static __typeof__(&name) real;                              \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                               \
        if (!real)                                                  \
            real = REAL(name);                                      \
        if (!(flags & (O_CREAT | O_TRUNC)))                         \
            return real(folder, path, flags, mode);                 \
        DO(NAMES, int, real(folder, path, flags, mode));            \
    }
OPENAT(openat)
OPENAT(openat64)

/* What a client of a database says when it commits. */
static int is_commit(const void *data, size_t size) {
    return memmem(data, size < 128 ? size : 128, "COMMIT", 6) != NULL;
}

ssize_t send(int descriptor, const void *data, size_t size, int flags) {
    static __typeof__(&send) real;
    if (!real)
        real = REAL(send);
    if (!is_commit(data, size))
        return real(descriptor, data, size, flags);
    DO(COMMITS, ssize_t, real(descriptor, data, size, flags));
}

static void wrong(struct timespec *moment, clockid_t clock) {
    if (plan && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        moment->tv_sec += plan->seconds;
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    static __typeof__(&clock_gettime) real;
    if (!real)
        real = REAL(clock_gettime);
    int result = real(clock, moment);
    if (result == 0)
        wrong(moment, clock);
    return result;
}

time_t time(time_t *result) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (result)
        *result = moment.tv_sec;
    return moment.tv_sec;
}
