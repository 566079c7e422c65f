using System.Security.Cryptography;
using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Weights;

public sealed class ConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_converted_file_holds_the_same_numbers_and_names_its_source()
    {
        using StateDict from = StateDict.Open(Fixture.Path("plain.pth"));
        Conversion.Write(from, _folder["plain.safetensors"]);
        using StateDict to = StateDict.Open(_folder["plain.safetensors"]);

        Assert.Equal(from.Entries.Select(e => e.Name), to.Entries.Select(e => e.Name));
        foreach (StateDictEntry entry in from.Entries)
        {
            Assert.Equal(entry.Shape, to[entry.Name].Shape);
            if (entry.Type.IsFloating)
                Assert.Equal(entry.Read(), to[entry.Name].Read());
            else
                Assert.Equal(entry.ReadBytes(), to[entry.Name].ReadBytes());
            Assert.Equal(entry.Type.IsFloating ? ElementType.F32 : entry.Type, to[entry.Name].Type);
        }
        Assert.Equal("plain.pth", to.Metadata[Conversion.SourceKey]);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Fixture.Bytes("plain.pth"))), to.Metadata[Conversion.SourceSha256Key]);
    }

    [Fact]
    public void Half_precision_halves_the_file_and_rounds_to_nearest()
    {
        float[] values = [.. Enumerable.Range(0, 4096).Select(i => MathF.Sin(i) * 3)];
        SafetensorsFile.Write(_folder["a"], [new("w", [4096], values)]);
        using StateDict from = StateDict.Open(_folder["a"]);
        Conversion.Write(from, _folder["b"], ElementType.F16);
        using StateDict to = StateDict.Open(_folder["b"]);
        Assert.Equal(values.Select(v => (float)(Half)v), to["w"].Read());
        Assert.Equal(2 * 4096, to["w"].ReadBytes().Length);
    }

    [Fact]
    public void A_number_beyond_half_precision_is_refused_by_name_and_leaves_nothing()
    {
        SafetensorsFile.Write(_folder["a"], [new("running_var", [1], new[] { 1e6f })]);
        using StateDict from = StateDict.Open(_folder["a"]);
        var error = Assert.Throws<FileFormatException>(() => Conversion.Write(from, _folder["b"], ElementType.F16));
        Assert.Contains("running_var", error.Message);
        Assert.Equal(["a"], _folder.Files);
    }

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    public void A_double_beyond_single_precision_is_refused_by_name_and_an_infinity_stays(ElementType type)
    {
        SafetensorsTensor Doubles(params double[] values) =>
            new("running_var", ElementType.F64, [values.Length], () => values.SelectMany(BitConverter.GetBytes).ToArray());
        SafetensorsFile.Write(_folder["a"], [Doubles(double.NegativeInfinity, -1e39)]);
        using (StateDict from = StateDict.Open(_folder["a"]))
        {
            Assert.Contains("running_var F64 (2) holds -1e+39 at 1, beyond float32's 3.4e38",
                Assert.Throws<FileFormatException>(() => Conversion.Write(from, _folder["b"], type)).Message);
        }
        Assert.Equal(["a"], _folder.Files);

        SafetensorsFile.Write(_folder["c"], [Doubles(double.NegativeInfinity, -1.5)]);
        using StateDict infinite = StateDict.Open(_folder["c"]);
        Conversion.Write(infinite, _folder["b"], type);
        using StateDict to = StateDict.Open(_folder["b"]);
        Assert.Equal([float.NegativeInfinity, -1.5f], to["running_var"].Read());
    }

    [Fact]
    public void An_inspection_tells_format_size_hash_and_parameters()
    {
        using StateDict weights = StateDict.Open(Golden.Path("vgg16-narrow.pth"));
        Inspection inspection = Inspection.Of(weights);
        Assert.Equal(WeightsFormat.TorchZip, inspection.Format);
        Assert.Equal(new FileInfo(weights.Path).Length, inspection.Bytes);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(weights.Path))), inspection.Sha256);
        Assert.Equal(weights.Entries.Sum(e => (long)e.Read().Length), inspection.Parameters);
        Assert.Equal(0, inspection.Buffers);
        Assert.Null(inspection.Published);
        Assert.Empty(Inspection.Problems(weights));
    }

    [Fact]
    public void Problems_name_numbers_that_are_not_finite_and_tensors_that_do_not_fit()
    {
        SafetensorsFile.Write(_folder["vgg16-397923af.pth"],
        [
            new("features.0.weight", [1, 3, 3, 3], Enumerable.Repeat(float.NaN, 27).ToArray()),
            new("classifier.0.bias", [1], new[] { float.PositiveInfinity }),
        ]);
        using StateDict weights = StateDict.Open(_folder["vgg16-397923af.pth"]);
        string problems = string.Join('\n', Inspection.Problems(weights));
        Assert.Contains("27 numbers of features.0.weight F32 (1, 3, 3, 3) are not finite", problems);
        Assert.Contains("1 numbers of classifier.0.bias F32 (1) are not finite", problems);
        Assert.Contains("fit no known network", problems);
        Assert.Contains("not that of the published file", problems);
    }
}
