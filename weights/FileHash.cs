using Iba.Engine.Files;


namespace Iba.Weights;

/// <summary>The identity of a file.</summary>
public static class FileHash
{
    /// <summary>SHA-256 of a file's bytes as 64 lower-case hexadecimal digits, read as a stream.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Sha256(string path, CancellationToken cancel = default)
    {
        using FileStream file = File.OpenRead(path);
        return Sha256(file, cancel);
    }

    /// <summary>The same of a stream, from its position to its end.</summary>
    internal static string Sha256(Stream file, CancellationToken cancel)
    {
        using var hash = new Sha256Hash();
        byte[] block = new byte[1 << 20];
        for (int read; (read = file.Read(block)) > 0;)
        {
            cancel.ThrowIfCancellationRequested();
            hash.Add(block.AsSpan(0, read));
        }
        return Convert.ToHexStringLower(hash.Take());
    }
}
