using System.Diagnostics;
using System.Text.Json;
using Iba.Datasets;
using Iba.Labels;
using Xunit;

namespace Tests.Cli;

/// <summary>Photos of commands: files, folders, patterns and standard input, looked up before a network is loaded.</summary>
public sealed class InputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Statistics_stay_the_same_when_results_are_written_among_the_photos()
    {
        string photos = Photos("rgb.png", "gray.jpg", "palette.png");
        byte[][] statistics = [.. Enumerable.Range(0, 3).Select(run =>
        {
            string file = _folder[$"{run}.safetensors"];
            IbaProcess.Result estimated = Iba("estimate", "--images", photos, "--out", file);
            Assert.True(estimated.ExitCode == 0, estimated.Error);
            Assert.Equal(run > 0, estimated.Error.Contains("3 pictures that this program drew were skipped"));
            IbaProcess.Result explained = Iba("attribute", "--method", "random", "--out", photos, photos);
            Assert.True(explained.ExitCode == 0, explained.Error);
            Assert.Equal(3, explained.Lines.Length);
            return File.ReadAllBytes(file);
        })];
        Assert.Equal(statistics[0], statistics[1]);
        Assert.Equal(statistics[0], statistics[2]);
        // Beside each photo its map, picture and page.
        Assert.Equal(12, Directory.GetFiles(photos).Length);
    }

    /// <summary>It would wait for a writer, or train again each time.</summary>
    [Theory]
    [InlineData("readout", "pipe", "")]
    [InlineData("demo", "demo", ".checkpoint")]
    public void Training_does_not_resume_from_a_pipe(string command, string output, string ending)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        using (Process made = Process.Start("mkfifo", [_folder[output + ending]]))
            made.WaitForExit();
        string[] what = command == "demo" ? ["--network", "resnet50"] : ["--model", "demo-resnet50", "--images", Photos("rgb.png")];
        IbaProcess.Result result = IbaProcess.Run([command, "train", .. what, "--out", _folder[output]]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("it is a pipe or a device, and a later run goes on from what is written", result.Error);
    }

    /// <summary>A target is looked up before the network is loaded; what was read for it is what is used.</summary>
    [Fact]
    public async Task Labels_from_a_pipe_are_read_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        string pipe = _folder["labels"];
        using (Process made = Process.Start("mkfifo", [pipe]))
            made.WaitForExit();
        string labels = string.Concat(Enumerable.Range(0, 10).Select(k => $"name{k}\n"));
        Task writing = Task.Run(() => File.WriteAllText(pipe, labels), TestContext.Current.CancellationToken);
        IbaProcess.Result result = IbaProcess.Run(
            "attribute", Photos("rgb.png"), "--model", "demo-resnet50", "--method", "gradient", "--labels", pipe, "--target", "name7", "--out", _folder["out"]);
        await writing;
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("name7 (7)", result.Output);
    }

    [Fact]
    public void Files_folders_and_patterns_are_taken_together_and_each_photo_once()
    {
        string photos = Photos("rgb.png", "gray.jpg", "jpeg444.jpg", "sub/rgba.png");
        IbaProcess.Result result = Iba("predict", "--json", Path.Combine(photos, "rgb.png"), Path.Combine(photos, "**", "*.jpg"), photos);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["rgb.png", "gray.jpg", "jpeg444.jpg", "rgba.png"], Images(result).Select(path => Path.GetFileName(path)));
        Assert.Contains("3 further names of the same photos", result.Error);
    }

    [Fact]
    public void A_name_without_photos_is_reported_and_the_others_are_used()
    {
        string photos = Photos("rgb.png");
        Directory.CreateDirectory(_folder["empty"]);
        IbaProcess.Result result = Iba("predict", "--json", _folder["empty"], photos, _folder["*.gif"]);
        Assert.Equal(4, result.ExitCode);
        Assert.Equal([_folder["empty"], _folder["*.gif"], Path.Combine(photos, "rgb.png")], Images(result));
        Assert.Equal([true, true, false], result.Lines.Select(line => line.Contains("\"error\":")));
        Assert.Contains($"{_folder["empty"]}: there is no photo in this folder", result.Error);
        Assert.Contains($"{_folder["*.gif"]}: no photo matches this pattern", result.Error);
    }

    [Theory]
    [InlineData("there is no such file or folder", "predict", "absent.jpg")]
    [InlineData("there is no photo in this folder", "attribute", "empty", "--method", "random")]
    [InlineData("no photo matches this pattern", "attribute", "*.gif", "--method", "random")]
    [InlineData("there is no photo in this folder", "compare", "rgb.png", "empty", "--methods", "random")]
    [InlineData("--images empty: there is no photo in this folder", "attribute", "rgb.png", "--images", "empty")]
    [InlineData("--images absent: there is no such file or folder", "estimate", "--out", "s", "--images", "absent")]
    [InlineData("--images -: standard input holds one photo", "estimate", "--out", "s", "--images", "-")]
    [InlineData("--images *.gif: no photo matches", "patterns", "fit", "--out", "p", "--images", "*.gif")]
    [InlineData("--images empty: ", "readout", "train", "--out", "r", "--images", "empty")]
    [InlineData("--images empty: ", "evaluate", "boxes", "--annotations", "a", "--methods", "random", "--images", "empty")]
    [InlineData("there is no method 'grad-camm'", "compare", "rgb.png", "--methods", "grad-camm")]
    [InlineData("readout needs a trained readout", "attribute", "rgb.png", "--method", "readout")]
    [InlineData("pattern needs signal patterns", "attribute", "rgb.png", "--method", "pattern")]
    [InlineData("Give --images DIR", "attribute", "rgb.png")]
    public void What_cannot_succeed_is_refused_before_the_weights_are_opened(string reason, params string[] arguments)
    {
        Photos("rgb.png");
        Directory.CreateDirectory(_folder["empty"]);
        string weights = _folder.With("no.weights", "these are no weights"u8);
        IbaProcess.Result result = IbaProcess.RunAt(
            _folder["."], [.. arguments.Select(word => word == "rgb.png" ? Path.Combine("photos", word) : word), "--weights", weights]);
        Assert.True(result.ExitCode == 2, $"{result}");
        Assert.Contains(reason, result.Error);
        Assert.DoesNotContain("no.weights", result.Error);
    }

    [Theory]
    [InlineData("crane", "134 or n02012849", "517 or n03126707")]
    [InlineData("1000", "0 to 999")]
    [InlineData("n99999999", "0 to 999")]
    public void A_target_that_no_class_or_more_than_one_has_is_refused_before_the_weights_are_looked_for(string target, params string[] named)
    {
        Photos("rgb.png");
        IbaProcess.Result result = IbaProcess.Run("attribute", _folder["photos/rgb.png"], "--model", "resnet50", "--method", "random", "--target", target);
        Assert.True(result.ExitCode == 2, $"{result}");
        Assert.Contains($"--target {target}: ", result.Error);
        Assert.All(named, words => Assert.Contains(words, result.Error));
    }

    [Fact]
    public void The_bytes_of_a_photo_on_standard_input_are_that_photo()
    {
        string photos = Photos("rgb.png");
        byte[] bytes = File.ReadAllBytes(Path.Combine(photos, "rgb.png"));
        IbaProcess.Result file = Iba("attribute", "--method", "gradient", "--json", "--out", _folder["a"], Path.Combine(photos, "rgb.png"));
        IbaProcess.Result piped = IbaProcess.RunWithInput(
            bytes, "attribute", "--model", "demo-resnet50", "--size", "32", "--method", "gradient", "--json", "--out", _folder["a"], "-");
        Assert.True(piped.ExitCode == 0, piped.Error);
        Assert.Equal(["-"], Images(piped));
        using var fromFile = global::Iba.Engine.Files.SafetensorsFile.Open(_folder["a/rgb.iba.safetensors"]);
        using var fromPipe = global::Iba.Engine.Files.SafetensorsFile.Open(_folder["a/stdin.iba.safetensors"]);
        Assert.Equal(fromFile.ReadFloats("map"), fromPipe.ReadFloats("map"));
        Assert.Equal(fromFile.Metadata["image_sha256"], fromPipe.Metadata["image_sha256"]);
        Assert.Contains("standard input: it is empty", IbaProcess.RunWithInput([], "predict", "--model", "demo-resnet50", "--size", "32", "-").Error);
    }

    [Fact]
    public void Folders_with_the_WordNet_ids_of_some_classes_are_labelled_by_them()
    {
        foreach (string file in (string[])["n03126707/1.jpg", "n01440764/2.jpg", "135/3.jpg", "tabby/4.jpg"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[$"photos/{file}"])!);
            File.WriteAllText(_folder[$"photos/{file}"], "x");
        }
        var photos = new PhotoSet(_folder["photos"]);
        var labels = new FolderLabels(photos, ClassLabels.ImageNet, 1000);
        Assert.Equal("labelled by the names of their folders", labels.Source);
        Assert.Equal([135, 0, 517, 281], photos.Files.Select(labels.Of));
    }

    private static IbaProcess.Result Iba(string command, params string[] arguments) =>
        IbaProcess.Run([command, "--model", "demo-resnet50", "--size", "32", .. arguments]);

    private static IEnumerable<string> Images(IbaProcess.Result result) =>
        result.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("image").GetString()!);

    /// <summary>A folder with copies of photos.</summary>
    private string Photos(params string[] names)
    {
        foreach (string name in names)
        {
            string copy = Path.Combine(_folder["photos"], name);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(Path.Combine(Golden.Path("preprocessing"), Path.GetFileName(name)), copy);
        }
        return _folder["photos"];
    }
}
