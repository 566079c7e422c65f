using System.Buffers.Binary;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;

namespace Iba.Weights;

/// <summary>Writes a state dict as a safetensors file, which opens faster and cannot contain code.</summary>
public static class Conversion
{
    /// <summary>Metadata name of the file that was converted.</summary>
    public const string SourceKey = "source";

    /// <summary>Metadata name of that file's SHA-256.</summary>
    public const string SourceSha256Key = "source_sha256";

    /// <summary>
    /// Writes every tensor under its name, one at a time; integers are unchanged. Tensors of unknown types are left out.
    /// </summary>
    /// <param name="from">The state dict. If it is a part of a checkpoint, it must be a whole network.</param>
    /// <param name="path">The file, which is written atomically.</param>
    /// <param name="type">F32, or F16 for half the size and about three digits.</param>
    /// <param name="cancel">Cancels the writing; an older file then stays as it was.</param>
    /// <exception cref="FileFormatException">
    /// A tensor cannot be read, or has a finite value beyond the range of the type that is written; or the tensors are not a whole network.
    /// </exception>
    public static void Write(StateDict from, string path, ElementType type = ElementType.F32, CancellationToken cancel = default)
    {
        if (type is not (ElementType.F32 or ElementType.F16))
            throw new ArgumentException($"weights are written as F32 or F16, not {type}", nameof(type));
        bool isWhole = from.Skipped.Count == 0 && from.LeftOut.Count == 0 && from.Alternatives.Count == 0;
        if (!isWhole || NetworkNames.Share([.. from.Entries.Select(entry => entry.Name)]) >= 0.5)
        {
            using var backend = new CpuBackend();
            NetworkBuilder.Check(from, backend);
        }
        var metadata = new Dictionary<string, string>
        {
            [SourceKey] = Path.GetFileName(from.Path),
            [SourceSha256Key] = from.Sha256(cancel),
        };
        SafetensorsFile.Write(path, [.. from.Entries.Where(entry => entry.Type != ElementType.Other).Select(Tensor)], metadata, cancel: cancel);

        SafetensorsTensor Tensor(StateDictEntry entry)
        {
            ElementType written = entry.Type.IsFloating ? type : entry.Type;
            return new SafetensorsTensor(entry.Name, written, [.. entry.Shape], () =>
            {
                cancel.ThrowIfCancellationRequested();
                return written == entry.Type ? entry.ReadBytes(cancel)
                    : written == ElementType.F16 ? Halves(from.Path, $"{entry}", Floats(from.Path, entry, cancel))
                    : Singles(Floats(from.Path, entry, cancel));
            });
        }
    }

    /// <summary>The elements as float32. Infinities in the file stay.</summary>
    /// <exception cref="FileFormatException">A finite double is beyond float32's range, and would be written as an infinity.</exception>
    private static float[] Floats(string path, StateDictEntry entry, CancellationToken cancel)
    {
        float[] values = entry.Read(cancel);
        if (entry.Type != ElementType.F64 || !values.Any(float.IsInfinity))
            return values;
        byte[] exact = entry.ReadBytes(cancel);
        for (int i = 0; i < values.Length; i++)
        {
            double value = BinaryPrimitives.ReadDoubleLittleEndian(exact.AsSpan(i * sizeof(double)));
            if (float.IsInfinity(values[i]) && double.IsFinite(value))
            {
                throw new FileFormatException(path, $"tensor {entry} holds {value:g3} at {i}, beyond float32's 3.4e38",
                    "Check where it was trained or saved: no network computes with such a number.");
            }
        }
        return values;
    }

    /// <summary>Converts values to half precision, little-endian.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="tensor">The tensor's name, for messages.</param>
    /// <param name="values">The numbers.</param>
    /// <exception cref="FileFormatException">A finite value is beyond the range.</exception>
    internal static byte[] Halves(string path, string tensor, ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[values.Length * 2];
        for (int i = 0; i < values.Length; i++)
        {
            var half = (Half)values[i];
            if (Half.IsInfinity(half) && float.IsFinite(values[i]))
                throw new FileFormatException(path, $"tensor {tensor} holds {values[i]}, beyond half precision's 65504", "Write it as F32.");
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), half);
        }
        return bytes;
    }

    private static byte[] Singles(ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        return bytes;
    }
}
