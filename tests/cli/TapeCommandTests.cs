using System.Text.Json;
using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Cli;

/// <summary>iba tape, end to end, on a golden network.</summary>
public sealed class TapeCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _weights = Golden.Path("resnet50-narrow.pth");
    private readonly string _photo = Path.Combine(Golden.Path("preprocessing"), "rgb.png");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_photo_becomes_data_tensors_and_a_page()
    {
        IbaProcess.Result result = Tape(_weights,
            "--rule", "guided", "--dump", "layer2.3,layer4:grad,layer4:rule", "--check", "layer4.2.bn2", "--completeness", "2", "--repeats", "1");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.EndsWith("rgb.tape.html", result.Error.TrimEnd());
        JsonElement root = JsonDocument.Parse(File.ReadAllText(_folder["rgb.tape.json"])).RootElement;
        JsonElement line = root.GetProperty("lines").EnumerateArray().Single(line => line.GetProperty("name").GetString() == "layer1.0.bn2");
        Assert.Equal("Convolution { 3x3, stride 1, padding 1 } + bias", line.GetProperty("op").GetString());
        Assert.Equal([1, 24, 24, 8], line.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32()));
        foreach (string key in (string[])["forward_code", "forward_milliseconds", "backward_milliseconds", "forward_bytes", "forward_share_of_peak", "passed",
            "cosine"])
        {
            Assert.True(line.TryGetProperty(key, out _), $"a line has no {key}: {line}");
        }
        JsonElement layer = root.GetProperty("layers").EnumerateArray().Single(layer => layer.GetProperty("name").GetString() == "layer4.2");
        Assert.True(layer.GetProperty("completeness_gap").GetDouble() >= 0);
        JsonElement check = Assert.Single(root.GetProperty("checks").EnumerateArray());
        Assert.Equal("layer4.2.bn2", check.GetProperty("line").GetString());
        Assert.InRange(check.GetProperty("gap").GetDouble(), 0, 1e-3);

        using SafetensorsFile tensors = SafetensorsFile.Open(_folder["rgb.tape.safetensors"]);
        Assert.Equal([1, 12, 12, 64], tensors["layer2.3"].Shape);
        Assert.Equal([1, 3, 3, 256], tensors["layer4:rule"].Shape);
        double norm = Math.Sqrt(tensors.ReadFloats("layer4:grad").Sum(x => (double)x * x));
        Assert.Equal(layer.GetProperty("norm").GetDouble(), norm, 1e-9 * norm);
        string page = File.ReadAllText(_folder["rgb.tape.html"]);
        Assert.Contains("The layer that loses most of the gradient is <strong>", page, StringComparison.Ordinal);
        Assert.Contains("guided and the gradient part at <strong>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loop_of_the_bottleneck_is_recorded_at_a_step()
    {
        IbaProcess.Result result = IbaProcess.Run(
            "tape", "--of", "per-sample", "--step", "2", "--dump", "steps,λ,α:grad", "--repeats", "1", "--out", _folder[""]);
        Assert.True(result.ExitCode == 0, result.Error);
        using SafetensorsFile tensors = SafetensorsFile.Open(_folder["sample.tape.safetensors"]);
        Assert.Equal(tensors["λ"].Shape[1..], tensors["steps.alpha.gradient"].Shape[1..]);
        Assert.Equal(2, tensors["steps.lambda"].Shape[0]);
        JsonElement[] lines = [.. JsonDocument.Parse(File.ReadAllText(_folder["sample.tape.json"])).RootElement.GetProperty("lines").EnumerateArray()];
        Assert.Contains(lines, line => line.TryGetProperty("op", out JsonElement op) && op.GetString()!.StartsWith("Restrict", StringComparison.Ordinal));
    }

    [Fact]
    public void A_weight_that_is_NaN_is_followed_to_its_line()
    {
        string weights = _folder["nan.safetensors"];
        using (StateDict narrow = StateDict.Open(_weights))
        {
            SafetensorsFile.Write(weights, [.. narrow.Entries.Select(entry => entry.Name == "layer3.1.conv2.weight"
                ? new SafetensorsTensor(entry.Name, [.. entry.Shape], Enumerable.Repeat(float.NaN, (int)entry.Count).ToArray())
                : new SafetensorsTensor(entry.Name, entry.Type, [.. entry.Shape], () => entry.ReadBytes()))]);
        }
        IbaProcess.Result result = Tape(weights, "--allow-non-finite", "--repeats", "1");
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement found = JsonDocument.Parse(File.ReadAllText(_folder["rgb.tape.json"])).RootElement.GetProperty("first_non_finite");
        Assert.Equal("layer3.1.bn2", found.GetProperty("name").GetString());
        Assert.Equal("layer3.1.conv2.weight", Assert.Single(found.GetProperty("causes").EnumerateArray()).GetString());
        Assert.Contains("because of layer3.1.conv2.weight", File.ReadAllText(_folder["rgb.tape.html"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no rule 'guide'", "--rule", "guide")]
    [InlineData("layer9.*", "--rule", "layer9.*=guided")]
    [InlineData("needs the network in parts", "--rule", "guided", "--fused")]
    [InlineData("no line is named layer9", "--dump", "layer9")]
    [InlineData("--dump layer4:rule", "--dump", "layer4:rule")]
    [InlineData("--dump steps", "--dump", "steps")]
    [InlineData("has no derivative", "--check", "conv1.weight")]
    [InlineData("no line is named layer9", "--check", "layer9")]
    [InlineData("first_non_finite", "--check-finite")]
    public void A_mistake_is_named(string what, params string[] arguments)
    {
        IbaProcess.Result result = Tape(_weights, ["--repeats", "1", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(what, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    private IbaProcess.Result Tape(string weights, params string[] arguments) =>
        IbaProcess.Run(["tape", _photo, "--weights", weights, "--size", "96", "--out", _folder[""], .. arguments]);
}
