using System.Buffers.Binary;
using System.Text;

namespace Iba.Engine.Files;

/// <summary>
/// Writes one float32 array as a NumPy .npy file, format version 1.0, little-endian, in C order. <c>numpy.load</c> reads it.
/// </summary>
public static class NpyFile
{
    // The format requires the data to begin at a multiple of this, so that NumPy can map the file into memory.
    private const int Alignment = 64;

    /// <summary>Writes a file atomically. The same array gives the same bytes.</summary>
    /// <param name="path">The file; an existing one is replaced, missing folders are created.</param>
    /// <param name="values">The elements, the last dimension varying fastest.</param>
    /// <param name="shape">The extents, such as [H, W].</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="ArgumentException">The element count differs from the shape's.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Writing the file is not permitted.</exception>
    public static void Write(string path, ReadOnlySpan<float> values, ReadOnlySpan<int> shape, CancellationToken cancel = default)
    {
        long count = 1;
        foreach (int extent in shape)
            count *= extent;
        if (count != values.Length)
            throw new ArgumentException($"NpyFile: {values.Length} numbers do not fill the shape ({string.Join(", ", shape.ToArray())})");
        byte[] header = Header(shape), bytes = new byte[header.Length + (long)sizeof(float) * values.Length];
        header.CopyTo(bytes, 0);
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(header.Length + sizeof(float) * i), values[i]);
        AtomicFile.Write(path, bytes, cancel);
    }

    /// <summary>Magic, version, length of the rest, a Python dictionary, spaces, a line feed.</summary>
    private static byte[] Header(ReadOnlySpan<int> shape)
    {
        // As Python writes a tuple: (224, 224), (5,), ().
        string tuple = string.Join(", ", shape.ToArray()) + (shape.Length == 1 ? "," : "");
        string dictionary = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({tuple}), }}";
        int length = (10 + dictionary.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[length];
        header.AsSpan().Fill((byte)' ');
        ReadOnlySpan<byte> magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];
        magic.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(length - 10));
        Encoding.ASCII.GetBytes(dictionary, header.AsSpan(10));
        header[^1] = (byte)'\n';
        return header;
    }
}
