namespace Iba.Engine.Files;

/// <summary>A file that is to be read: by its path, or its bytes from memory or a stream, under a name for messages. A path converts to it.</summary>
public sealed class FileSource
{
    private readonly Func<Action<ReadOnlySpan<byte>>?, long, CancellationToken, FileContents> _read;

    private FileSource(string name, string? path, Func<Action<ReadOnlySpan<byte>>?, long, CancellationToken, FileContents> read) =>
        (Name, Path, _read) = (name, path, read);

    /// <summary>The path, or what the bytes are called in messages.</summary>
    public string Name { get; }

    /// <summary>The path; null for bytes.</summary>
    public string? Path { get; }

    /// <summary>The file at a path; a pipe or standard input works like a file.</summary>
    public static implicit operator FileSource(string path) => OfPath(path);

    /// <summary>The file at a path; a pipe or standard input works like a file.</summary>
    /// <param name="path">The path.</param>
    public static FileSource OfPath(string path) => new(path, path, (accept, most, cancel) => FileContents.Read(path, accept, most, cancel));

    /// <summary>A file in memory.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    public static FileSource Of(byte[] bytes, string name = "the bytes given") => new(name, null, (accept, most, cancel) =>
    {
        using var stream = new MemoryStream(bytes, writable: false);
        return FileContents.Read(stream, name, accept, most, cancel);
    });

    /// <summary>What a stream holds from its position to its end. It is read once, and stays the caller's.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="name">What messages call it.</param>
    public static FileSource Of(Stream stream, string name = "the stream given") =>
        new(name, null, (accept, most, cancel) => FileContents.Read(stream, name, accept, most, cancel));

    /// <summary>Reads the file.</summary>
    /// <param name="accept">Checks the first bytes (1 MiB, or all of a shorter file) and throws if the file cannot be used.</param>
    /// <param name="most">Upper bound of the bytes: a longer file is refused before more of it is read.</param>
    /// <param name="cancel">Cancels the reading.</param>
    /// <exception cref="FileFormatException">It is too large, or was truncated while it was read.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Reading it is not permitted.</exception>
    public FileContents Read(Action<ReadOnlySpan<byte>>? accept = null, long most = long.MaxValue, CancellationToken cancel = default) =>
        _read(accept, most, cancel);

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
