using System.Text;
using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Weights;

/// <summary>Safetensors in several files, by their index.</summary>
public sealed class ShardsTests : IDisposable
{
    private const string Index = "model.safetensors.index.json", First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";

    private readonly TemporaryFolder _folder = new();

    public ShardsTests()
    {
        SafetensorsFile.Write(_folder[First], [new("model.layer1.0.conv1.weight", [2], new[] { 1f, 2f }), new("model.fc.bias", [1], new[] { 3f })]);
        SafetensorsFile.Write(_folder[Second], [new("model.fc.weight", [2], new[] { 4f, 5f }), new("extra", [1], new[] { 6f })]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_tensors_of_all_files_are_one_state_dict()
    {
        using StateDict dict = StateDict.Open(Map(
            ("model.layer1.0.conv1.weight", First), ("model.fc.weight", Second), ("model.fc.bias", First)));
        Assert.Equal(WeightsFormat.ShardedSafetensors, dict.Format);
        Assert.Equal(["layer1.0.conv1.weight", "fc.weight", "fc.bias"], dict.Entries.Select(entry => entry.Name));
        Assert.Equal([[1f, 2f], [4f, 5f], [3f]], dict.Entries.Select(entry => entry.Read()));
        Assert.Equal(["prefix \"model.\""], dict.Unwrapped);
        Assert.Equal(["extra"], dict.LeftOut);
        Assert.Equal(_folder.Files.Sum(file => new FileInfo(_folder[file]).Length), dict.Bytes);
    }

    [Fact]
    public void The_hash_is_that_of_every_file()
    {
        string index = Map(("model.fc.weight", Second));
        string before = Hash();
        Assert.Equal(before, Hash());
        SafetensorsFile.Write(_folder[Second], [new("model.fc.weight", [2], new[] { 4f, 6f })]);
        Assert.NotEqual(before, Hash());

        string Hash()
        {
            using StateDict dict = StateDict.Open(index);
            return dict.Sha256();
        }
    }

    [Theory]
    [InlineData("../" + First)]
    [InlineData("/etc/passwd")]
    [InlineData("..\\\\" + First)]
    [InlineData("C:" + First)]
    [InlineData("sub/" + First)]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("pytorch_model.bin")]
    public void A_file_outside_of_the_folder_or_of_another_kind_is_refused(string shard)
    {
        Assert.Contains("which is no .safetensors file of its own folder",
            Assert.Throws<FileFormatException>(() => StateDict.Open(Map(("w", shard)))).Message);
    }

    [Theory]
    [InlineData("{\"weight_map\": {\"w\": \"missing.safetensors\"}}", "its shard missing.safetensors is missing")]
    [InlineData("{\"weight_map\": {\"w\": \"" + First + "\"}}", "which does not hold it")]
    [InlineData("{\"weight_map\": {\"w\": 1}}", "without a file")]
    [InlineData("{\"weight_map\": {\"w\": \"a\", \"w\": \"a\"}}", "twice")]
    [InlineData("{\"weight_map\": {}, \"weight_map\": {}}", "twice")]
    [InlineData("{\"weight_map\": []}", "no object")]
    [InlineData("{\"metadata\": {\"total_size\": 1}}", "without a weight_map")]
    [InlineData("{\"weight_map\": {\"w\"", "neither weights nor the index")]
    [InlineData("{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[", "neither weights nor the index")]
    public void A_wrong_index_is_reported(string json, string says)
    {
        Assert.Contains(says, Assert.Throws<FileFormatException>(() => StateDict.Open(_folder.With(Index, Encoding.UTF8.GetBytes(json)))).Message);
    }

    private string Map(params (string Tensor, string File)[] map) => _folder.With(Index, Encoding.UTF8.GetBytes(
        "{\n \"metadata\": {\"total_size\": 24},\n \"weight_map\": {" + string.Join(", ", map.Select(pair => $"\"{pair.Tensor}\": \"{pair.File}\"")) + "}}"));
}
