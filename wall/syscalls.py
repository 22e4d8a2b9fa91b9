"""Numbers of the system calls that the filters name, for the two kinds of processor we run on.

Sources: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
(aarch64). A dash: the processor's table has no such call.
"""

import platform
from dataclasses import dataclass

_TABLE = """
socket 41 198 | socketpair 53 199 | connect 42 203 | bind 49 200 | listen 50 201
accept 43 202 | accept4 288 242 | sendto 44 206 | sendmsg 46 211 | sendmmsg 307 269
recvfrom 45 207 | recvmsg 47 212 | recvmmsg 299 243 | setsockopt 54 208 | ioctl 16 29
clone 56 220 | clone3 435 435 | unshare 272 97 | setns 308 268 | ptrace 101 117
process_vm_readv 310 270 | process_vm_writev 311 271 | pidfd_getfd 438 438 | kcmp 312 272
process_madvise 440 440 | mount 165 40 | umount2 166 39 | pivot_root 155 41 | chroot 161 51
open_tree 428 428 | move_mount 429 429 | fsopen 430 430 | fsconfig 431 431 | fsmount 432 432
fspick 433 433 | mount_setattr 442 442 | open_tree_attr 467 467 | bpf 321 280
perf_event_open 298 241 | userfaultfd 323 282 | keyctl 250 219 | add_key 248 217
request_key 249 218 | open_by_handle_at 304 265 | name_to_handle_at 303 264
kexec_load 246 104 | kexec_file_load 320 294 | init_module 175 105 | finit_module 313 273
delete_module 176 106 | io_uring_setup 425 425 | io_uring_enter 426 426
io_uring_register 427 427 | acct 163 89 | swapon 167 224 | swapoff 168 225 | reboot 169 142
sethostname 170 161 | setdomainname 171 162 | quotactl 179 60 | quotactl_fd 443 443
iopl 172 - | ioperm 173 - | modify_ldt 154 - | syslog 103 116 | settimeofday 164 170
clock_settime 227 112 | clock_adjtime 305 266 | adjtimex 159 171 | vhangup 153 58
fanotify_init 300 262 | shmget 29 194 | semget 64 190 | msgget 68 186 | mq_open 240 180
execve 59 221 | execveat 322 281 | chmod 90 - | fchmod 91 52 | fchmodat 268 53
fchmodat2 452 452 | chown 92 - | fchown 93 55 | lchown 94 - | fchownat 260 54
setxattr 188 5 | lsetxattr 189 6 | fsetxattr 190 7 | setxattrat 463 463 | removexattr 197 14
lremovexattr 198 15 | fremovexattr 199 16 | removexattrat 466 466 | utime 132 - | utimes 235 -
utimensat 280 88 | futimesat 261 - | file_setattr 469 469 | capset 126 91 | seccomp 317 277
setsid 112 157 | setpgid 109 154 | fork 57 - | vfork 58 - | prlimit64 302 261
setpriority 141 140 | ioprio_set 251 30 | sched_setaffinity 203 122 | sched_setscheduler 144 119
sched_setparam 142 118 | sched_setattr 314 274 | migrate_pages 256 238 | move_pages 279 239
process_mrelease 448 448
"""


@dataclass(frozen=True)
class Arch:
    """One kind of processor. `audit` is AUDIT_ARCH_*, what the kernel tells a filter."""

    name: str
    audit: int
    numbers: dict[str, int]
    #: On x86_64, numbers from here on are those of the x32 interface: the same calls again.
    second_table: int | None = None


def _column(index: int) -> dict[str, int]:
    rows = (row.split() for line in _TABLE.strip().splitlines() for row in line.split("|"))
    return {row[0]: int(row[index]) for row in rows if row[index] != "-"}


X86_64 = Arch("x86_64", 0xC000003E, _column(1), second_table=0x40000000)
AARCH64 = Arch("aarch64", 0xC00000B7, _column(2))


def here() -> Arch | None:
    """The processor that this runs on; None for one that we have no table of."""
    return {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine())
