using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Weights;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_changed_byte_anywhere_is_found_by_the_checksum()
    {
        string path = _folder["whole"];
        SafetensorsFile.Write(path, [new("a", [3], new float[] { 1, 2, 3 }), new("b", [2], new byte[] { 4, 5 })],
            new Dictionary<string, string> { ["about"] = "numbers" }, withChecksum: true);
        byte[] bytes = File.ReadAllBytes(path);
        using (SafetensorsFile whole = SafetensorsFile.Open(path))
            Assert.Equal(64, whole.Metadata[SafetensorsFile.ChecksumKey].Length);
        // A file whose word "checksum" was changed has no checksum: readers that rely on it check that it exists.
        int key = bytes.AsSpan().IndexOf("checksum"u8);
        foreach (int at in Enumerable.Range(0, bytes.Length).Where(at => at < key || at >= key + "checksum".Length))
        {
            bytes[at] ^= 1;
            File.WriteAllBytes(path, bytes);
            Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(path));
            bytes[at] ^= 1;
        }
        File.WriteAllBytes(path, bytes[..^1]);
        Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(path));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        SafetensorsTensor[] tensors =
        [
            new("flags", [3], new[] { true, false, true }),
            new("weight", [2, 2], new[] { 1f, -2.5f, float.MinValue, 3e-40f }),
            new("count", [], new[] { long.MinValue + 1 }),
            new("index", [1, 2], new[] { int.MinValue, 7 }),
            new("image", [2], new byte[] { 0, 255 }),
            new("nothing", [0, 3], ReadOnlyMemory<float>.Empty),
        ];
        SafetensorsFile.Write(_folder["a"], tensors, new Dictionary<string, string> { ["λ \"quoted\"\n"] = "naïve ☃ 😀" });

        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        Assert.Equal(tensors.Select(t => t.Name), read.Entries.Select(e => e.Name));
        Assert.Equal([1f, -2.5f, float.MinValue, 3e-40f], read.ReadFloats("weight"));
        Assert.Equal([true, false, true], read.ReadBools("flags"));
        Assert.Equal([long.MinValue + 1], read.ReadInt64("count"));
        Assert.Equal([int.MinValue, 7], read.ReadInt32("index"));
        Assert.Equal([0, 255], read.ReadBytes("image"));
        Assert.Empty(read.ReadFloats("nothing"));
        Assert.Empty(read["count"].Shape);
        Assert.Equal("naïve ☃ 😀", read.Metadata["λ \"quoted\"\n"]);
    }

    [Fact]
    public void Half_bfloat16_and_double_become_the_nearest_floats()
    {
        double[] values = [0, -1.5, 1 / 3.0, 65504, 5.960464477539063e-08, double.PositiveInfinity];
        byte[] half = [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))];
        byte[] brain = [.. values.SelectMany(v => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits((float)v) >> 16)))];
        byte[] wide = [.. values.SelectMany(BitConverter.GetBytes)];
        int[] shape = [values.Length];
        SafetensorsFile.Write(_folder["a"],
        [
            new("half", ElementType.F16, shape, () => half),
            new("brain", ElementType.BF16, shape, () => brain),
            new("wide", ElementType.F64, shape, () => wide),
        ]);

        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        Assert.Equal(values.Select(v => (float)(Half)v), read.ReadFloats("half"));
        Assert.Equal(values.Select(v => (float)v), read.ReadFloats("wide"));
        // Cut off after 7 bits of fraction: at most 2^-7 of the value is lost.
        foreach ((double value, float cut) in values.Zip(read.ReadFloats("brain")))
            Assert.True(value == cut || cut / value is > 1 - 1 / 128.0 and <= 1, $"{cut} is not {value}");
    }

    [Fact]
    public void Doubles_come_back_to_the_bit()
    {
        double[] values = [1 / 3.0, -0.0, double.Epsilon, double.MaxValue, double.NaN];
        SafetensorsFile.Write(_folder["a"], [new("float", [1], new[] { 1f }), new("double", [5], values)]);
        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        Assert.Equal(values.Select(BitConverter.DoubleToInt64Bits), read.ReadDoubles("double").Select(BitConverter.DoubleToInt64Bits));
        Assert.Contains("float F32", Assert.Throws<FileFormatException>(() => read.ReadDoubles("float")).Message);
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes_whatever_the_order_of_the_metadata()
    {
        SafetensorsTensor[] tensors = [new("b", [2], new[] { 1f, 2f }), new("a", [1], new byte[] { 3 })];
        SafetensorsFile.Write(_folder["1"], tensors, new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" });
        SafetensorsFile.Write(_folder["2"], tensors, new Dictionary<string, string> { ["y"] = "2", ["x"] = "1" });
        Assert.Equal(File.ReadAllBytes(_folder["1"]), File.ReadAllBytes(_folder["2"]));
    }

    [Fact]
    public void Every_tensor_starts_at_a_multiple_of_its_element_size()
    {
        SafetensorsFile.Write(
            _folder["a"], [new("byte", [1], new byte[] { 1 }), new("float", [1], new[] { 1f }), new("long", [1], new[] { 1L })]);
        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(_folder["a"]));
        Assert.All(read.Entries, entry => Assert.Equal(0ul, (8 + header + (ulong)entry.Begin) % (ulong)entry.Type.Size));
    }

    [Fact]
    public void A_large_tensor_is_read_across_chunks()
    {
        float[] values = [.. Enumerable.Range(0, 300_000).Select(i => i * 0.5f)];
        SafetensorsFile.Write(_folder["a"], [new("x", [values.Length], values)]);
        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        Assert.Equal(values, read.ReadFloats("x"));
    }

    [Fact]
    public void Golden_files_open_and_their_tensors_have_the_bytes_their_shapes_need()
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        Assert.NotEmpty(golden.Fields);
        Assert.NotEmpty(golden.Metadata["about"]);
    }

    [Theory]
    [InlineData("", "too few")]
    [InlineData("L:5", "too few")]
    [InlineData("H:{}   ", null)]
    [InlineData("H:[]", "JSON")]
    [InlineData("H:{ ", "JSON")]
    [InlineData("H:{} x", "JSON")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}};0000""", null)]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}};000""", "the file holds 3")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}};00000""", "the file holds 5")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}};0000""", "needs 8 bytes")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}};0000""", "data_offsets")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}};0000""", "two data_offsets")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}};0000""", "negative")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}};0000""", "negative or broken")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}};0000""", "broken")]
    [InlineData("""H:{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,0],"data_offsets":[0,0]}};""", "impossible shape")]
    [InlineData("""H:{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}};0""", null)]
    [InlineData("""H:{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,1]}};0""", "needs 2 bytes")]
    [InlineData("""H:{"a":{"dtype":"0","shape":[1],"data_offsets":[0,1]}};0""", null)]
    [InlineData("""H:{"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}};0""", "JSON")]
    [InlineData("""H:{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}};0""", "repeated field")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"code":1}};0""", "unknown")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}};00""", "'a' appears twice")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}};000""",
        "'b' begins at byte 1 of the data and shares bytes with tensor 'a', which ends at byte 2")]
    [InlineData("""H:{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}};00""",
        "'a' begins at byte 0 of the data and shares bytes with tensor 'b', which ends at byte 2")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}};000""",
        "'b' begins at byte 2 of the data and leaves a hole after tensor 'a', which ends at byte 1")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}};00""", "leaves a hole after its start")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}};00""",
        "need 3 bytes, the last of them for 'b', and the file holds 2")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"""
        + ""","c":{"dtype":"U8","shape":[0,3],"data_offsets":[2,2]},"d":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}};00""", null)]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}};00""", "'b' begins at byte 1")]
    [InlineData("""H:{"a":{"dtype":"U8","shape":[0],"data_offsets":[9,9]}};""", "leaves a hole")]
    [InlineData("""H:{"__metadata__":{"k":"v"},"__metadata__":{}}""", "twice")]
    [InlineData("""H:{"__metadata__":{"k":"v","k":"w"}}""", "twice")]
    [InlineData("""H:{"__metadata__":{"k":1}}""", "JSON")]
    [InlineData("""H:{"\uD800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}};0""", "JSON")]
    [InlineData("""H:{"a":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}""", "JSON")]
    public void A_wrong_header_is_refused_with_the_reason(string file, string? reason)
    {
        string path = _folder.With("a", Bytes(file));
        if (reason is null)
            SafetensorsFile.Open(path).Dispose();
        else
            Assert.Contains(reason, Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(path)).Message);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(3ul)]
    [InlineData(1ul << 40)]
    [InlineData(ulong.MaxValue)]
    public void A_header_length_that_is_not_there_is_refused(ulong length)
    {
        byte[] bytes = [.. BitConverter.GetBytes(length), (byte)'{', (byte)'}'];
        Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(_folder.With("a", bytes)));
    }

    [Fact]
    public void Any_change_of_a_byte_gives_a_file_that_reads_or_a_typed_error()
    {
        var metadata = new Dictionary<string, string> { ["k"] = "v" };
        SafetensorsFile.Write(_folder["a"], [new("w", [2], new[] { 1f, 2f }), new("n", [], new[] { 3L })], metadata);
        byte[] whole = File.ReadAllBytes(_folder["a"]);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length]).Sample((at, value, length) =>
        {
            byte[] mutant = [.. whole.Take(length)];
            if (at < length)
                mutant[at] = value;
            string path = _folder.With($"{at}-{value}-{length}", mutant);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (SafetensorsEntry entry in file.Entries)
                    file.ReadBytes(entry.Name);
            }
            catch (FileFormatException) { }
        }, iter: 2000, threads: 1);
    }

    [Fact]
    public void A_write_that_fails_or_is_cancelled_leaves_the_older_file_and_nothing_else()
    {
        SafetensorsFile.Write(_folder["a"], [new("x", [1], new[] { 1f })]);
        byte[] before = File.ReadAllBytes(_folder["a"]);

        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(_folder["a"], [new("x", [3], new[] { 1f })]));
        SafetensorsTensor x = new("x", [1], new[] { 1f });
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(_folder["a"], [x, x]));
        SafetensorsTensor cancelled = new("y", ElementType.F32, [1], () => throw new OperationCanceledException());
        Assert.Throws<OperationCanceledException>(() => SafetensorsFile.Write(_folder["a"], [x, cancelled]));

        Assert.Equal(before, File.ReadAllBytes(_folder["a"]));
        Assert.Equal(["a"], _folder.Files);
    }

    [Fact]
    public void Reading_as_another_type_is_refused_by_name()
    {
        SafetensorsFile.Write(_folder["a"], [new("steps", [1], new[] { 1L })]);
        using SafetensorsFile read = SafetensorsFile.Open(_folder["a"]);
        Assert.Contains("steps I64", Assert.Throws<FileFormatException>(() => read.ReadFloats("steps")).Message);
        Assert.Throws<FileFormatException>(() => read.ReadInt32("steps"));
        Assert.Throws<FileFormatException>(() => read.ReadBools("steps"));
        Assert.Contains("'other'", Assert.Throws<FileFormatException>(() => read.ReadFloats("other")).Message);
    }

    /// <summary>"H:json;data" is a file with that header; "L:n" a bare length; anything else its own bytes.</summary>
    private static byte[] Bytes(string file)
    {
        if (file.StartsWith("L:", StringComparison.Ordinal))
            return BitConverter.GetBytes(ulong.Parse(file[2..]));
        if (!file.StartsWith("H:", StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(file);
        string[] parts = file[2..].Split(';');
        byte[] header = Encoding.UTF8.GetBytes(parts[0]);
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. Encoding.UTF8.GetBytes(parts.ElementAtOrDefault(1) ?? "")];
    }
}
