using System.Collections.Concurrent;

namespace Iba.Engine.Files;

/// <summary>
/// Writes files that appear whole or not at all: bytes go to a temporary file in the same folder, are flushed to the disk, and the temporary file is
/// renamed over the target.
/// </summary>
/// <remarks>
/// An existing file keeps its mode and, where the system allows it, its owner. A symbolic link stays, and its target is written. A device or pipe
/// cannot be replaced: it is written to directly. A killed process leaves its temporary file behind; the first write of any later process to that
/// folder removes it. The lock on the file tells which temporary files are dead: the kernel releases it with the process, whatever container or
/// machine it ran on.
/// </remarks>
public static class AtomicFile
{
    private const string Suffix = ".iba-tmp";

    /// <summary>What Linux allows; a longer chain of links is a circle.</summary>
    private const int MostLinks = 40;

    private static readonly ConcurrentDictionary<string, bool> Swept = new();

    /// <summary>Writes a whole file.</summary>
    /// <param name="path">Where to. Missing folders on the way are made.</param>
    /// <param name="bytes">What to write.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileWriteException">It cannot be written. What was there is as it was.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before a pipe's reader had taken everything.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes, CancellationToken cancel = default)
    {
        // A span cannot be captured by a lambda.
        byte[] copy = bytes.ToArray();
        Write(path, stream => stream.Write(copy), cancel);
    }

    /// <summary>Writes a file from front to back.</summary>
    /// <param name="path">Where to. Missing folders on the way are made.</param>
    /// <param name="write">Given the stream. Whatever it throws leaves what was there as it was.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileWriteException">It cannot be written. What was there is as it was.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before a pipe's reader had taken everything.</exception>
    public static void Write(string path, Action<Stream> write, CancellationToken cancel = default)
    {
        string target = "", temporary = "";
        try
        {
            target = Target(path);
            if (FileStatus.Of(target) is { } status)
            {
                MustTakeBytes(path, status);
                if (status.Type != FileType.Regular)
                {
                    temporary = target;
                    using var device = new AbandonableStream(target, cancel);
                    write(device);
                    return;
                }
                MayBeWritten(target);
            }
            string folder = Path.GetDirectoryName(target)!;
            Directory.CreateDirectory(folder);
            Sweep(folder);
            using FileStream stream = Temporary(folder, out temporary);
            try
            {
                FileStatus.Of(target)?.GiveTo(temporary);
                if (!OperatingSystem.IsWindows() && File.Exists(target))
                    File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
                write(stream);
                stream.Flush(flushToDisk: true);
                // Renamed while it is open and locked, so that no other process takes it for a dead one's.
                File.Move(temporary, target, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && IsAbout(e, target, temporary))
        {
            throw new FileWriteException(path, Reason(e), e);
        }
    }

    /// <summary>Finds out before the work whether a file can be written. Nothing is left behind, and nothing is changed.</summary>
    /// <exception cref="FileWriteException">It cannot be written.</exception>
    public static void Try(string path)
    {
        try
        {
            string target = Target(path);
            if (FileStatus.Of(target) is { } status)
            {
                MustTakeBytes(path, status);
                // Opening a pipe for a test would end its reader.
                if (status.Type != FileType.Regular)
                    return;
                MayBeWritten(target);
            }
            TryFolder(Path.GetDirectoryName(target)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FileWriteException(path, Reason(e), e);
        }
    }

    /// <summary>Finds out before the work whether files can be written into a folder, which need not exist yet.</summary>
    /// <exception cref="FileWriteException">They cannot.</exception>
    public static void TryIn(string folder)
    {
        try
        {
            TryFolder(Target(folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FileWriteException(folder, Reason(e), e);
        }
    }

    /// <summary>What the system says, without the path: that would be the temporary file's.</summary>
    internal static string Reason(Exception e)
    {
        string words = e switch
        {
            UnauthorizedAccessException => "permission denied",
            DirectoryNotFoundException or FileNotFoundException => "no such folder, and none can be made",
            PathTooLongException => "the name is too long",
            _ => e.Message,
        };
        int path = words.IndexOf(" : '", StringComparison.Ordinal);
        return (path < 0 ? words : words[..path]).TrimEnd('.', ' ');
    }

    /// <summary>The absolute path with every link resolved, whether or not anything is there.</summary>
    private static string Target(string path)
    {
        // A device may stand behind a link that is no path, as /dev/stdout does.
        if (FileStatus.Of(path) is { Type: not (FileType.Regular or FileType.Directory) })
            return Path.GetFullPath(path);
        string at = Path.GetPathRoot(Path.GetFullPath(path))!;
        var rest = new Stack<string>();
        Add(Path.GetFullPath(path));
        for (int links = 0; rest.TryPop(out string? part);)
        {
            if (part == "..")
            {
                at = Path.GetDirectoryName(at) ?? at;
                continue;
            }
            string next = Path.Combine(at, part);
            if (new FileInfo(next).LinkTarget is not { } link)
            {
                at = next;
                continue;
            }
            if (++links > MostLinks)
                throw new IOException("too many levels of symbolic links");
            if (Path.IsPathRooted(link))
                at = Path.GetPathRoot(link)!;
            Add(link);
        }
        return at;

        void Add(string more)
        {
            string[] parts = more[Path.GetPathRoot(more)!.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]);
            foreach (string part in parts.Reverse().Where(part => part is not ("" or ".")))
                rest.Push(part);
        }
    }

    private static void MustTakeBytes(string path, FileStatus status)
    {
        if (status.Type == FileType.Directory)
            throw new FileWriteException(path, "it is a folder");
        if (status.Type == FileType.Other)
            throw new FileWriteException(path, "it is a socket, or no file");
    }

    /// <summary>A rename would also replace a file that its owner made read-only.</summary>
    private static void MayBeWritten(string target) =>
        new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();

    private static void TryFolder(string folder)
    {
        string? there = folder;
        while (there is not null && FileStatus.Of(there) is null)
            there = Path.GetDirectoryName(there);
        if (there is null || FileStatus.Of(there)!.Value.Type != FileType.Directory)
            throw new IOException($"{there ?? folder} is no folder");
        using FileStream probe = Temporary(there, out string temporary);
        File.Delete(temporary);
    }

    /// <summary>A new file, open and locked against <see cref="Sweep"/>.</summary>
    private static FileStream Temporary(string folder, out string path)
    {
        for (int attempt = 0; ; attempt++)
        {
            path = Path.Combine(folder, $".{Environment.ProcessId}-{Path.GetRandomFileName()}{Suffix}");
            try
            {
                // Shared for deletion: Windows then renames an open file. On Unix the lock is shared among readers, and a sweep wants it alone.
                var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
                // Another process's sweep may have come between creation and lock.
                if (File.Exists(path))
                    return stream;
                stream.Dispose();
            }
            catch (IOException) when (attempt < 3 && File.Exists(path))
            {
            }
        }
    }

    /// <summary>Removes the temporary files of processes that died, once for each folder.</summary>
    private static void Sweep(string folder)
    {
        if (!Swept.TryAdd(folder, true))
            return;
        try
        {
            foreach (string left in Directory.EnumerateFiles(folder, $".*{Suffix}"))
                Remove(left);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that may not be listed can still be written to.
        }

        static void Remove(string left)
        {
            try
            {
                if (FileStatus.Of(left, followsLink: false)?.Type != FileType.Regular)
                    return;
                using var dead = new FileStream(left, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(left);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its writer lives, or it is another user's.
            }
        }
    }

    private static bool IsAbout(Exception e, string target, string temporary) => e is not FileWriteException
        && (temporary == "" || e.Message.Contains(temporary, StringComparison.Ordinal) || e.Message.Contains(target, StringComparison.Ordinal));
}
