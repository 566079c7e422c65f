using System.Buffers.Binary;
using System.Text;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Engine;

public class NpyFileTests
{
    /// <summary>NumPy 1.24 wrote the headers; blanks fill them up to 128 bytes.</summary>
    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 2, 3)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", 5)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (224, 224), }", 224, 224)]
    public void The_bytes_are_those_of_numpy_save(string header, params int[] shape)
    {
        using var temporary = new TemporaryFolder();
        int count = shape.Aggregate(1, (product, extent) => product * extent);
        float[] values = [.. Enumerable.Range(0, count).Select(i => i == 1 ? float.NaN : i / 7f)];
        NpyFile.Write(temporary["a.npy"], values, shape);
        byte[] bytes = File.ReadAllBytes(temporary["a.npy"]);
        Assert.Equal(128 + 4 * count, bytes.Length);
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0, (byte)'v', 0], bytes[..10]);
        Assert.Equal(header.PadRight(117) + "\n", Encoding.ASCII.GetString(bytes, 10, 118));
        for (int i = 0; i < count; i++)
            Assert.Equal(BitConverter.SingleToInt32Bits(values[i]), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(128 + 4 * i)));
    }

    [Fact]
    public void Numbers_that_do_not_fill_the_shape_are_refused() =>
        Assert.Throws<ArgumentException>(() => NpyFile.Write("never.npy", [1, 2, 3], [2, 2]));
}
