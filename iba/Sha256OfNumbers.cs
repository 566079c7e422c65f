using System.Runtime.InteropServices;
using Iba.Engine.Files;

namespace Iba;

/// <summary>A hash of numbers in memory, for what is identified by its contents and not by a file.</summary>
internal static class Sha256OfNumbers
{
    /// <summary>SHA-256 of the arrays' bytes, one after the other, in hexadecimal.</summary>
    public static string Of(params IEnumerable<float[]> arrays)
    {
        using var hash = new Sha256Hash();
        foreach (float[] values in arrays)
            hash.Add(MemoryMarshal.AsBytes(values.AsSpan()));
        return Convert.ToHexStringLower(hash.Take());
    }
}
