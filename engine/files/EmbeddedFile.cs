using System.IO.Compression;
using System.Reflection;
using System.Text;

namespace Iba.Engine.Files;

/// <summary>Files that travel inside an assembly. The build deflates them (Directory.Build.targets), which makes every program 2 MB smaller.</summary>
public static class EmbeddedFile
{
    /// <summary>The bytes of a file.</summary>
    /// <param name="assembly">The assembly that carries it.</param>
    /// <param name="name">Its logical name in the project file.</param>
    /// <returns>The bytes; null if the assembly carries no such file.</returns>
    public static byte[]? Read(Assembly assembly, string name)
    {
        using Stream? deflated = assembly.GetManifestResourceStream(name);
        if (deflated is null)
            return null;
        using var inflated = new DeflateStream(deflated, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        inflated.CopyTo(bytes);
        return bytes.ToArray();
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
