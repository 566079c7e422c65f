namespace Engine.Files;

/// <summary>
/// Writes a file atomically. Bytes go to a temporary file in the same folder. <see cref="Commit"/> flushes it to the disk and renames it
/// over the target; disposal without a commit (an exception, a cancellation) deletes it.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _path, _temporary;
    private readonly FileStream _stream;
    private bool _committed;

    /// <summary>Opens the temporary file. Missing parent folders are created.</summary>
    /// <param name="path">Where the file will appear; an older file there stays untouched until the commit.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Writing to the folder is not permitted.</exception>
    public AtomicFile(string path)
    {
        _path = Path.GetFullPath(path);
        if (Directory.Exists(_path))
            throw new IOException($"{path}: this is a folder, so no file of that name can be written. Name another file");
        string folder = Path.GetDirectoryName(_path)!;
        Directory.CreateDirectory(folder);
        // A short random name: the target's name plus a suffix could exceed the file system's length limit.
        _temporary = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Where to write.</summary>
    public Stream Stream => _stream;

    /// <summary>Flushes the written bytes and renames the file to the path, replacing an older one.</summary>
    public void Commit()
    {
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
        _committed = true;
    }

    /// <summary>Deletes the temporary file unless it was committed.</summary>
    public void Dispose()
    {
        try
        {
            // This flushes buffered bytes, which fails on a full disk.
            _stream.Dispose();
        }
        finally
        {
            if (!_committed)
                File.Delete(_temporary);
        }
    }

    /// <summary>Writes a whole file atomically.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = new AtomicFile(path);
        file.Stream.Write(bytes);
        file.Commit();
    }
}
