using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Iba.Engine.Files;

/// <summary>A tensor to be written to a .safetensors file.</summary>
/// <param name="Name">The key in the file.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Data">Returns the elements in C order, little-endian. It is called just before they are written; with a checksum, once before that too.</param>
public sealed record SafetensorsTensor(string Name, ElementType Type, int[] Shape, Func<ReadOnlyMemory<byte>> Data)
{
    /// <summary>A float32 tensor.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<float> values)
        : this(name, ElementType.F32, shape, () => Bytes(values.Span, BinaryPrimitives.WriteSingleLittleEndian)) { }

    /// <summary>A float64 tensor.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<double> values)
        : this(name, ElementType.F64, shape, () => Bytes(values.Span, BinaryPrimitives.WriteDoubleLittleEndian)) { }

    /// <summary>An int64 tensor.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<long> values)
        : this(name, ElementType.I64, shape, () => Bytes(values.Span, BinaryPrimitives.WriteInt64LittleEndian)) { }

    /// <summary>An int32 tensor.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<int> values)
        : this(name, ElementType.I32, shape, () => Bytes(values.Span, BinaryPrimitives.WriteInt32LittleEndian)) { }

    /// <summary>A tensor of unsigned bytes.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<byte> values)
        : this(name, ElementType.U8, shape, () => values) { }

    /// <summary>A tensor of booleans.</summary>
    public SafetensorsTensor(string name, int[] shape, ReadOnlyMemory<bool> values)
        : this(name, ElementType.BOOL, shape, () => MemoryMarshal.AsBytes(values.Span).ToArray()) { }

    private long ByteCount => Shape.Aggregate((long)Type.Size, (product, extent) => checked(product * extent));

    internal static void WriteAll(Stream to, IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (tensors.CountBy(t => t.Name).FirstOrDefault(n => n.Value > 1 || n.Key == "__metadata__") is { Key: { } name })
            throw new ArgumentException($"a safetensors file cannot hold two tensors named '{name}', nor one named '__metadata__'");

        // Wide elements first: every tensor then starts at a multiple of its element's size, which readers that map the file rely on.
        SafetensorsTensor[] layout = [.. tensors.OrderByDescending(t => t.Type.Size)];
        var begins = new Dictionary<string, long>();
        long end = 0;
        foreach (SafetensorsTensor tensor in layout)
        {
            begins[tensor.Name] = end;
            end = checked(end + tensor.ByteCount);
        }

        byte[] header = Header(tensors, begins, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        if (metadata.GetValueOrDefault(SafetensorsFile.ChecksumKey) == SafetensorsChecksum.Blank)
            SafetensorsChecksum.Fill(length, header, layout.Select(tensor => tensor.Data()));
        to.Write(length);
        to.Write(header);
        foreach (SafetensorsTensor tensor in layout)
        {
            ReadOnlyMemory<byte> bytes = tensor.Data();
            if (bytes.Length != tensor.ByteCount)
                throw new ArgumentException($"tensor '{tensor.Name}' of {tensor.Type} ({string.Join(", ", tensor.Shape)}) "
                    + $"needs {tensor.ByteCount} bytes and was given {bytes.Length}");
            to.Write(bytes.Span);
        }
    }

    private static byte[] Header(
        IReadOnlyList<SafetensorsTensor> tensors, Dictionary<string, long> begins, IReadOnlyDictionary<string, string> metadata)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (SafetensorsTensor tensor in tensors)
                WriteEntry(json, tensor, begins[tensor.Name]);
            json.WriteEndObject();
        }
        // The format pads the header with spaces to a multiple of 8, so that the data after it is aligned.
        while (text.Length % 8 != 0)
            text.WriteByte((byte)' ');
        return text.ToArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsTensor tensor, long begin)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Type.ToString());
        json.WriteStartArray("shape");
        foreach (int extent in tensor.Shape)
            json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(begin + tensor.ByteCount);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private delegate void WriteOne<T>(Span<byte> to, T value);

    private static byte[] Bytes<T>(ReadOnlySpan<T> values, WriteOne<T> write) where T : unmanaged
    {
        if (BitConverter.IsLittleEndian)
            return MemoryMarshal.AsBytes(values).ToArray();
        int size = Marshal.SizeOf<T>();
        byte[] bytes = new byte[values.Length * size];
        for (int i = 0; i < values.Length; i++)
            write(bytes.AsSpan(i * size), values[i]);
        return bytes;
    }
}
