using System.Buffers.Binary;
using Engine.Files;

namespace Weights;

/// <summary>Writes a state dict as a safetensors file, which opens faster and cannot hold a program.</summary>
public static class Conversion
{
    /// <summary>Metadata name of the file that was converted.</summary>
    public const string SourceKey = "source";

    /// <summary>Metadata name of that file's SHA-256.</summary>
    public const string SourceSha256Key = "source_sha256";

    /// <summary>Writes every tensor under its name, tensor by tensor; integers stay as they are.</summary>
    /// <param name="from">What to write.</param>
    /// <param name="path">Where to; the file appears whole or not at all.</param>
    /// <param name="type">F32, or F16 for half the size and about three digits.</param>
    /// <param name="cancel">Leaves an older file as it was.</param>
    /// <exception cref="FileFormatException">A tensor cannot be read, or holds a number beyond the range of half precision.</exception>
    public static void Write(StateDict from, string path, ElementType type = ElementType.F32, CancellationToken cancel = default)
    {
        if (type is not (ElementType.F32 or ElementType.F16))
            throw new ArgumentException($"weights are written as F32 or F16, not {type}", nameof(type));
        var metadata = new Dictionary<string, string>
        {
            [SourceKey] = Path.GetFileName(from.Path),
            [SourceSha256Key] = from.Sha256(cancel),
        };
        SafetensorsFile.Write(path, [.. from.Entries.Select(Tensor)], metadata, cancel);

        SafetensorsTensor Tensor(StateDictEntry entry)
        {
            ElementType written = entry.Type.IsFloating ? type : entry.Type;
            return new SafetensorsTensor(entry.Name, written, [.. entry.Shape], () =>
                written == entry.Type ? entry.ReadBytes()
                : written == ElementType.F16 ? Halves(from, entry)
                : Singles(entry));
        }
    }

    private static byte[] Singles(StateDictEntry entry)
    {
        float[] values = entry.Read();
        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        return bytes;
    }

    private static byte[] Halves(StateDict from, StateDictEntry entry)
    {
        float[] values = entry.Read();
        byte[] bytes = new byte[values.Length * 2];
        for (int i = 0; i < values.Length; i++)
        {
            var half = (Half)values[i];
            if (Half.IsInfinity(half) && float.IsFinite(values[i]))
            {
                throw new FileFormatException(
                    from.Path, $"tensor {entry} holds {values[i]}, beyond half precision's 65504", "Write it as F32.");
            }
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), half);
        }
        return bytes;
    }
}
