using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Cli;

/// <summary>Preprocessing belongs to the weights: they give the default, files record it, and it must be the same in all of them.</summary>
public sealed class PreprocessingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _photos = Golden.Path("preprocessing"), _weights = Golden.Path("resnet50-narrow.pth");

    public void Dispose() => _folder.Dispose();

    /// <summary>torchvision 0.14: ResNet50_Weights and VGG16_Weights, .transforms().</summary>
    [Theory]
    [InlineData("resnet50", 256)]
    [InlineData("resnet50-v2", 232)]
    [InlineData("vgg16", 256)]
    public void Catalogue_entries_carry_torchvisions_transform(string name, int resize)
    {
        InputTransform input = Catalogue.Find(name)!.Input;
        Assert.Equal((resize, 224, "bilinear"), (input.Resize, input.Crop, input.Interpolation));
        Assert.Equal([0.485f, 0.456f, 0.406f], input.Mean);
        Assert.Equal([0.229f, 0.224f, 0.225f], input.Std);
    }

    [Theory]
    [InlineData("resnet50-narrow.pth", "resize 109 bilinear, crop 96, mean 0.485 0.456 0.406, std 0.229 0.224 0.225")] // 96 x 256 / 224 = 109.7
    [InlineData("resnet50-11ad3fa6.pth", "resize 99 bilinear, crop 96, mean 0.485 0.456 0.406, std 0.229 0.224 0.225")] // 96 x 232 / 224 = 99.4
    [InlineData("resnet50-narrow.pth", "resize 101 bilinear, crop 96, mean 0.5 0 1, std 0.5 0.25 1",
        "--resize", "101", "--mean", "0.5,0,1", "--std", "0.5, 2.5e-1, 1")]
    public void A_map_says_how_its_photo_was_prepared(string weights, string expected, params string[] options)
    {
        File.Copy(_weights, _folder[weights]);
        IbaProcess.Result result = IbaProcess.Run(
            [
                "attribute", "--method", "random", "--size", "96", "--weights", _folder[weights], "--out", _folder["maps"],
                Path.Combine(_photos, "rgb.png"), .. options,
            ]);
        Assert.True(result.ExitCode == 0, result.Error);
        using SafetensorsFile map = SafetensorsFile.Open(_folder["maps/rgb.iba.safetensors"]);
        Assert.Equal(expected, map.Metadata["preprocessing"]);
        Assert.Equal(weights == "resnet50-narrow.pth" && options.Length == 0,
            result.Error.Contains($"not known by hash or name, so photos are prepared by {expected}"));
    }

    [Theory]
    [InlineData("--mean", "0,5,0,5,0,5")]
    [InlineData("--mean", "0.5")]
    [InlineData("--mean", "123.675,116.28,103.53")]
    [InlineData("--std", "0.5,0.5,0")]
    [InlineData("--std", "NaN,1,1")]
    [InlineData("--resize", "0")]
    [InlineData("--resize", "2.5")]
    public void Numbers_that_are_no_preprocessing_are_refused(string option, string value)
    {
        IbaProcess.Result result = IbaProcess.Run("predict", Path.Combine(_photos, "rgb.png"), "--weights", _weights, option, value);
        Assert.True(result.ExitCode == 2, $"{result}");
        Assert.Contains(option, result.Error);
        Assert.Contains(value, result.Error);
    }

    [Fact]
    public void Statistics_of_photos_prepared_otherwise_are_refused()
    {
        string statistics = _folder["statistics.safetensors"];
        Assert.Equal(0, Run("estimate", "--images", _photos, "--layer", "layer1", "--out", statistics, "--resize", "70").ExitCode);
        using (SafetensorsFile file = SafetensorsFile.Open(statistics))
            Assert.Equal("resize 70 bilinear, crop 64, mean 0.485 0.456 0.406, std 0.229 0.224 0.225", file.Metadata["preprocessing"]);

        string[] explain =
            ["attribute", Path.Combine(_photos, "rgb.png"), "--steps", "1", "--copies", "1", "--statistics", statistics, "--out", _folder["maps"]];
        IbaProcess.Result other = Run([.. explain, "--resize", "70", "--mean", "0.5,0.5,0.5"]);
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("mean 0.485 0.456 0.406", other.Error);
        Assert.Contains("mean 0.5 0.5 0.5", other.Error);
        Assert.Equal(0, Run([.. explain, "--resize", "70"]).ExitCode);

        // A file of an earlier release.
        WithoutPreprocessing(statistics);
        IbaProcess.Result old = Run(explain);
        Assert.Equal(0, old.ExitCode);
        Assert.Contains("taken for resize 73 bilinear, crop 64", old.Error);
        Assert.Equal(1, Run([.. explain, "--resize", "70"]).ExitCode);
    }

    private static void WithoutPreprocessing(string path)
    {
        SafetensorsTensor[] tensors;
        Dictionary<string, string> metadata;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Entries.Select(entry => new SafetensorsTensor(entry.Name, entry.Shape, file.ReadFloats(entry.Name)))];
            metadata = file.Metadata.Where(fact => fact.Key is not ("preprocessing" or SafetensorsFile.ChecksumKey)).ToDictionary();
        }
        SafetensorsFile.Write(path, tensors, metadata);
    }

    private IbaProcess.Result Run(params string[] arguments) => IbaProcess.Run([.. arguments, "--weights", _weights, "--size", "64"]);
}
