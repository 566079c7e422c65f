namespace Engine.Files;

/// <summary>
/// A file that appears whole or not at all. Bytes go to a temporary file in the same folder; <see cref="Commit"/> flushes it to
/// the disk and renames it over the target, and disposal without a commit (an exception, a cancellation) removes it.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _path, _temporary;
    private readonly FileStream _stream;
    private bool _committed;

    /// <summary>Opens the temporary file; missing folders on the way to it are made.</summary>
    /// <param name="path">Where the file will appear; an older file there stays untouched until the commit.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public AtomicFile(string path)
    {
        _path = Path.GetFullPath(path);
        if (Directory.Exists(_path))
            throw new IOException($"{path}: this is a folder, so no file of that name can be written. Name another file");
        string folder = Path.GetDirectoryName(_path)!;
        Directory.CreateDirectory(folder);
        // A short random name: a long target name plus a suffix could pass the file system's limit.
        _temporary = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Where to write.</summary>
    public Stream Stream => _stream;

    /// <summary>Makes what was written so far the file at the path, replacing an older one.</summary>
    public void Commit()
    {
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
        _committed = true;
    }

    /// <summary>Removes the temporary file unless it was committed.</summary>
    public void Dispose()
    {
        try
        {
            // Flushes what is buffered, which a full disk refuses.
            _stream.Dispose();
        }
        finally
        {
            if (!_committed)
                File.Delete(_temporary);
        }
    }

    /// <summary>Writes a whole file in one go.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = new AtomicFile(path);
        file.Stream.Write(bytes);
        file.Commit();
    }
}
