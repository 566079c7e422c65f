using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Weights;

public sealed class StateDictTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain.pth", WeightsFormat.TorchZip)]
    [InlineData("plain.legacy.pth", WeightsFormat.TorchStream)]
    [InlineData("protocol4.pth", WeightsFormat.TorchZip)]
    [InlineData("protocol5.legacy.pth", WeightsFormat.TorchStream)]
    [InlineData("deflated.pth", WeightsFormat.TorchZip)]
    [InlineData("big_endian.pth", WeightsFormat.TorchZip)]
    public void Every_view_and_type_reads_as_PyTorch_reads_it(string file, WeightsFormat format)
    {
        using StateDict dict = StateDict.Open(Fixture.Path(file));
        using SafetensorsFile expected = SafetensorsFile.Open(Fixture.Path("expected.safetensors"));
        Assert.Equal(format, dict.Format);
        Assert.Empty(dict.Unwrapped);
        Assert.Equal(expected.Entries.Select(e => e.Name).Except(["weight", "bias"]), dict.Entries.Select(e => e.Name));
        foreach (StateDictEntry entry in dict.Entries)
        {
            Assert.Equal(expected[entry.Name].Shape, entry.Shape);
            if (entry.Type.IsFloating)
                Assert.Equal(expected.ReadFloats(entry.Name), entry.Read());
            if (entry.Type.IsFloating && entry.Shape is [> 2, ..])
                Assert.Equal(entry.Read()[(int)(entry.Count / entry.Shape[0])..], entry.ReadRows(1, entry.Shape[0] - 1));
            if (entry.Type is not (ElementType.F16 or ElementType.BF16))
                Assert.Equal(expected.ReadBytes(entry.Name), entry.ReadBytes());
        }
        Assert.Equal(ElementType.BF16, dict["bfloat16"].Type);
    }

    [Theory]
    [InlineData("wrapped.pth", "checkpoint[\"state_dict\"], prefix \"module.\"")]
    [InlineData("wrapped_twice.pth", "checkpoint[\"model\"][\"state_dict\"]")]
    [InlineData("compiled.pth", "checkpoint[\"model_state_dict\"], prefix \"_orig_mod.\"")]
    [InlineData("parameters.pth", "Parameter objects")]
    [InlineData("parameters.legacy.pth", "Parameter objects")]
    [InlineData("with_step.pth", "")]
    public void Wrappers_are_removed_and_named(string file, string unwrapped)
    {
        using StateDict dict = StateDict.Open(Fixture.Path(file));
        using SafetensorsFile expected = SafetensorsFile.Open(Fixture.Path("expected.safetensors"));
        Assert.Equal(["weight", "bias"], dict.Entries.Select(e => e.Name));
        Assert.All(dict.Entries, entry => Assert.Equal(expected.ReadFloats(entry.Name), entry.Read()));
        Assert.Equal(unwrapped, string.Join(", ", dict.Unwrapped));
    }

    [Fact]
    public void Values_that_are_no_tensors_are_left_out_and_named()
    {
        using StateDict dict = StateDict.Open(Fixture.Path("with_step.pth"));
        Assert.Equal(["step (int)"], dict.LeftOut);
    }

    [Theory]
    [InlineData("resnet50-narrow")]
    [InlineData("vgg16-narrow")]
    public void Both_containers_of_a_golden_network_hold_the_same_tensors(string network)
    {
        using StateDict zip = StateDict.Open(Golden.Path($"{network}.pth"));
        using StateDict stream = StateDict.Open(Golden.Path($"{network}.legacy.pth"));
        Assert.Equal(WeightsFormat.TorchZip, zip.Format);
        Assert.Equal(WeightsFormat.TorchStream, stream.Format);
        Assert.Equal(zip.Entries.Select(e => e.ToString()), stream.Entries.Select(e => e.ToString()));
        foreach (StateDictEntry entry in zip.Entries)
            Assert.Equal(entry.ReadBytes(), stream[entry.Name].ReadBytes());
        Assert.Contains(zip.Entries, entry => entry.Type.IsFloating && entry.Read().Any(v => v != 0));
    }

    [Fact]
    public void A_safetensors_file_is_a_state_dict_whatever_its_extension()
    {
        SafetensorsFile.Write(_folder["weights.pth"], [new("module.w", [2], new[] { 1f, 2f }), new("module.n", [], new[] { 3L })],
            new Dictionary<string, string> { ["source"] = "here" });
        using StateDict dict = StateDict.Open(_folder["weights.pth"]);
        Assert.Equal(WeightsFormat.Safetensors, dict.Format);
        Assert.Equal([1f, 2f], dict["w"].Read());
        Assert.Equal(BitConverter.GetBytes(3L), dict["n"].ReadBytes());
        Assert.Equal("here", dict.Metadata["source"]);
        Assert.Equal(["prefix \"module.\""], dict.Unwrapped);
    }

    [Fact]
    public void Integers_are_carried_but_not_read_as_floats()
    {
        using StateDict dict = StateDict.Open(Fixture.Path("plain.pth"));
        Assert.Contains("int64 I64 does not hold floating", Assert.Throws<FileFormatException>(() => dict["int64"].Read()).Message);
        Assert.Equal([1L, -2, 1L << 40], Enumerable.Range(0, 3).Select(i => BitConverter.ToInt64(dict["int64"].ReadBytes(), 8 * i)));
    }

    [Fact]
    public void Entries_can_be_read_from_several_threads_at_once()
    {
        using StateDict dict = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        StateDictEntry[] floats = [.. dict.Entries.Where(e => e.Type.IsFloating)];
        float[][] alone = [.. floats.Select(e => e.Read())];
        float[][] together = [.. floats.AsParallel().AsOrdered().Select(e => e.Read())];
        Assert.Equal(alone, together);
    }

    [Fact]
    public void A_file_that_is_no_weights_says_what_it_is()
    {
        (byte[] Bytes, string Says)[] files =
        [
            ([], "it is empty"),
            ("<!DOCTYPE html><html>404"u8.ToArray(), "web page"),
            ("\n  <html>"u8.ToArray(), "web page"),
            ("<?xml version=\"1.0\"?><Error>"u8.ToArray(), "web page"),
            ("version https://git-lfs.github.com/spec/v1\noid sha256:00"u8.ToArray(), "git lfs pull"),
            ([0x1f, 0x8b, 8, 0], "gzip"),
            ([.. new byte[257], .. "ustar"u8, .. new byte[250]], "tar archive"),
            ([0x89, .. "HDF\r\n"u8], "HDF5"),
            ("PK\x5\x6                   "u8.ToArray(), "empty or split zip"),
            ("hello, this is text"u8.ToArray(), "neither a PyTorch file"),
            (Fixture.Bytes("script.pth"), "TorchScript"),
            (Fixture.Zip(("word/document.xml", [1, 2, 3])), "without data.pkl"),
            (Fixture.Zip(("a/data.pkl", [1]), ("b/data.pkl", [2])), "several data.pkl"),
            ("{\"hello\": 1}"u8.ToArray(), "a JSON file without a weight_map"),
            (Fixture.Bytes("tensor.pth"), "holds a tensor, not a dictionary"),
            (Fixture.Bytes("no_tensors.pth"), "only 'epoch', 'lr'"),
            (Fixture.Pickle("\x80\x02}q\0."), "torch.save did not write"),
        ];
        foreach ((byte[] bytes, string says) in files)
        {
            var error = Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With("weights.pth", bytes)));
            Assert.Contains(says, error.Message);
            Assert.StartsWith(_folder["weights.pth"], error.Message);
        }
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_named()
    {
        Assert.Contains("no such file", Assert.Throws<FileFormatException>(() => StateDict.Open(_folder["nothing.pth"])).Message);
        Assert.Contains("folder", Assert.Throws<FileFormatException>(() => StateDict.Open(Path.GetDirectoryName(_folder["x"])!)).Message);
    }
}
