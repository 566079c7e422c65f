using System.IO.Compression;
using System.Reflection;
using System.Text;

namespace Iba.Engine.Files;

/// <summary>
/// Files that travel inside an assembly. The build compresses them (Directory.Build.targets), which makes every program 2 MB smaller, or
/// leaves them as they are.
/// </summary>
public static class EmbeddedFile
{
    /// <summary>The bytes of a file.</summary>
    /// <param name="assembly">The assembly that carries it.</param>
    /// <param name="name">Its logical name in the project file.</param>
    /// <returns>The bytes; null if the assembly carries no such file.</returns>
    public static byte[]? Read(Assembly assembly, string name)
    {
        using Stream? stored = assembly.GetManifestResourceStream(name);
        if (stored is null)
            return null;
        byte[] bytes = new byte[stored.Length];
        stored.ReadExactly(bytes);
        // The first bytes of gzip, with which no other file here begins.
        if (bytes is not [0x1F, 0x8B, ..])
            return bytes;
        using var whole = new MemoryStream();
        using (var unpacked = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
            unpacked.CopyTo(whole);
        return whole.ToArray();
    }

    /// <summary>The text of a file in UTF-8, without a byte order mark.</summary>
    /// <inheritdoc cref="Read"/>
    /// <returns>The text; null if the assembly carries no such file.</returns>
    public static string? Text(Assembly assembly, string name)
    {
        if (Read(assembly, name) is not { } bytes)
            return null;
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
