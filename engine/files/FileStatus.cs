using System.Runtime.InteropServices;

namespace Iba.Engine.Files;

/// <summary>What stands at a path.</summary>
public enum FileType
{
    /// <summary>Bytes on a disk.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A FIFO (named pipe), or the pipe behind <c>/dev/stdout</c>.</summary>
    Pipe,

    /// <summary>A terminal, <c>/dev/null</c>, a disk.</summary>
    Device,

    /// <summary>A socket, or something this program does not know.</summary>
    Other,
}

/// <summary>
/// What a file system says of a path, beyond what .NET tells: the type (stat(2)), the identity, and the time of the last change, which no program can
/// set. .NET has no public call for these, and opening a FIFO to find out would wait for its other end.
/// </summary>
/// <param name="Type">What it is.</param>
/// <param name="Device">Of the file system; 0 on Windows.</param>
/// <param name="Inode">Device and inode together are the identity of a file or folder; 0 on Windows.</param>
/// <param name="Owner">User id; 0 on Windows.</param>
/// <param name="Group">Group id; 0 on Windows.</param>
/// <param name="ChangedNanoseconds">Last change of bytes, name or mode (ctime) since 1970; the last write on Windows.</param>
public readonly partial record struct FileStatus(FileType Type, ulong Device, ulong Inode, uint Owner, uint Group, long ChangedNanoseconds)
{
    private const int NoSuchFile = 2, NotADirectory = 20;

    /// <summary>The user id of this process, as the system compares it with <see cref="Owner"/>; 0 on Windows.</summary>
    public static uint User => OperatingSystem.IsWindows() ? 0 : Native.geteuid();

    /// <summary>The status of what is at a path; null where nothing is.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followsLink">Whether a link stands for its target; a link to nothing is then null.</param>
    /// <exception cref="IOException">The system refuses to say: a name too long, links in a circle, a folder that may not be searched.</exception>
    public static FileStatus? Of(string path, bool followsLink = true) =>
        OperatingSystem.IsLinux() ? OnLinux(path, followsLink) : OperatingSystem.IsMacOS() ? OnMac(path, followsLink) : OnWindows(path, followsLink);

    /// <summary>Gives another file the same owner and group, as far as this user may.</summary>
    internal void GiveTo(string path)
    {
        if (!OperatingSystem.IsWindows() && Of(path) is { } now && (now.Owner, now.Group) != (Owner, Group))
            _ = Native.chown(path, Owner, Group);
    }

    private static unsafe FileStatus? OnLinux(string path, bool followsLink)
    {
        // struct statx is the same on every processor, which struct stat is not (statx(2), linux/stat.h).
        const int CurrentFolder = -100, NoFollow = 0x100, BasicStats = 0x7FF;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* to = status)
        {
            if (Native.statx(CurrentFolder, path, followsLink ? 0 : NoFollow, BasicStats, to) != 0)
                return NoneOrThrow(path);
        }
        return new FileStatus(
            TypeOf(MemoryMarshal.Read<ushort>(status[28..])),
            (ulong)MemoryMarshal.Read<uint>(status[136..]) << 32 | MemoryMarshal.Read<uint>(status[140..]),
            MemoryMarshal.Read<ulong>(status[32..]), MemoryMarshal.Read<uint>(status[20..]), MemoryMarshal.Read<uint>(status[24..]),
            Nanoseconds(MemoryMarshal.Read<long>(status[96..]), MemoryMarshal.Read<uint>(status[104..])));
    }

    private static unsafe FileStatus? OnMac(string path, bool followsLink)
    {
        // struct stat with 64-bit inodes (sys/stat.h); on x64 those calls have names of their own.
        Span<byte> status = stackalloc byte[256];
        bool isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        fixed (byte* to = status)
        {
            int result = isArm
                ? followsLink ? Native.stat(path, to) : Native.lstat(path, to)
                : followsLink ? Native.stat64(path, to) : Native.lstat64(path, to);
            if (result != 0)
                return NoneOrThrow(path);
        }
        return new FileStatus(
            TypeOf(MemoryMarshal.Read<ushort>(status[4..])), MemoryMarshal.Read<uint>(status), MemoryMarshal.Read<ulong>(status[8..]),
            MemoryMarshal.Read<uint>(status[16..]), MemoryMarshal.Read<uint>(status[20..]),
            Nanoseconds(MemoryMarshal.Read<long>(status[64..]), MemoryMarshal.Read<long>(status[72..])));
    }

    private static FileStatus? OnWindows(string path, bool followsLink)
    {
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        if (info.LinkTarget is not null && followsLink)
            return info.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } target ? OnWindows(target.FullName, followsLink: false) : null;
        if (!info.Exists && info.LinkTarget is null)
            return null;
        FileType type = info.LinkTarget is not null ? FileType.Link
            : info.Attributes.HasFlag(FileAttributes.Directory) ? FileType.Directory
            : info.Attributes.HasFlag(FileAttributes.Device) ? FileType.Device : FileType.Regular;
        return new FileStatus(type, 0, 0, 0, 0, Nanoseconds(0, (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100));
    }

    private static FileStatus? NoneOrThrow(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return error is NoSuchFile or NotADirectory ? null : throw new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'");
    }

    private static FileType TypeOf(int mode) => (mode & 0xF000) switch
    {
        0x8000 => FileType.Regular,
        0x4000 => FileType.Directory,
        0xA000 => FileType.Link,
        0x1000 => FileType.Pipe,
        0x2000 or 0x6000 => FileType.Device,
        _ => FileType.Other,
    };

    private static long Nanoseconds(long seconds, long rest) => unchecked(seconds * 1_000_000_000 + rest);

    /// <summary>The C library's calls, in its spelling.</summary>
    private static unsafe partial class Native
    {
        [LibraryImport("libc")]
        public static partial uint geteuid();

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int statx(int folder, string path, int flags, uint mask, byte* to);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int stat(string path, byte* to);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int lstat(string path, byte* to);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int chown(string path, uint owner, uint group);

        [LibraryImport("libc", EntryPoint = "stat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int stat64(string path, byte* to);

        [LibraryImport("libc", EntryPoint = "lstat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int lstat64(string path, byte* to);
    }
}
