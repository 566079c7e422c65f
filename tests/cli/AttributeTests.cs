using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Cli;

/// <summary>iba attribute, end to end, on a golden network: arguments and output.</summary>
public sealed class AttributeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _weights = Golden.Path("resnet50-narrow.pth");
    private readonly string _photos = Golden.Path("preprocessing");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_photo_becomes_a_map_a_picture_and_a_line_of_json()
    {
        IbaProcess.Result result = Attribute("--out", Out("a"), "--json", Photo("jpeg444.jpg"));
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement line = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        foreach (string key in (string[])["image", "model", "layer", "target", "predicted", "probability", "probability_restricted", "total_bits",
            "max_bits_per_pixel", "loss", "map", "overlay", "seconds", "read_seconds", "write_seconds", "device", "precision"])
        {
            Assert.True(line.TryGetProperty(key, out _), $"the line has no {key}: {line}");
        }
        Assert.Equal(10, line.GetProperty("loss").GetArrayLength());
        Assert.True(line.GetProperty("total_bits").GetDouble() > 0);

        using SafetensorsFile map = SafetensorsFile.Open(line.GetProperty("map").GetString()!);
        Assert.Equal([96, 96], map["map"].Shape);
        Assert.Equal(line.GetProperty("max_bits_per_pixel").GetDouble(), map.ReadFloats("map").Max(), 1e-6);
        string[] keys =
            ["weights_sha256", "image_sha256", "statistics_sha256", "layer", "beta", "seed", "steps", "copies", "unit", "device", "precision"];
        foreach (string key in keys)
            Assert.True(map.Metadata.ContainsKey(key), $"the map does not say its {key}");
        Assert.Equal("on", map.Metadata["winograd"]);
        Assert.Contains(map.Metadata["register_width"], (string[])["512", "256", "128", "none"]);
        Assert.Equal((byte)'P', File.ReadAllBytes(line.GetProperty("overlay").GetString()!)[1]);
    }

    [Fact]
    public void The_map_alone_and_for_NumPy_come_where_they_are_asked_for()
    {
        string[] arguments = ["--method", "gradient", Photo("jpeg444.jpg"), "--json"];
        IbaProcess.Result plain = Method("plain"), all = Method("all", "--map-only", "--npy", "--no-report");
        Assert.Equal(["jpeg444.iba.html", "jpeg444.iba.png", "jpeg444.iba.safetensors"],
            Directory.GetFiles(Out("plain")).Select(path => Path.GetFileName(path)).Order());
        Assert.Equal(["jpeg444.iba.map.png", "jpeg444.iba.npy", "jpeg444.iba.png", "jpeg444.iba.safetensors"],
            Directory.GetFiles(Out("all")).Select(path => Path.GetFileName(path)).Order());
        Assert.False(JsonDocument.Parse(plain.Output).RootElement.TryGetProperty("npy", out _));
        string page = JsonDocument.Parse(plain.Output).RootElement.GetProperty("report").GetString()!;
        Assert.Equal($"report: {page}", plain.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].TrimEnd());
        Assert.DoesNotContain("report:", all.Error);
        JsonElement line = JsonDocument.Parse(all.Output).RootElement;
        byte[] npy = File.ReadAllBytes(line.GetProperty("npy").GetString()!);
        using SafetensorsFile map = SafetensorsFile.Open(line.GetProperty("map").GetString()!);
        Assert.Equal(MemoryMarshal.AsBytes(map.ReadFloats("map").AsSpan()), npy.AsSpan(128));
        // Every picture says who drew it, so that no folder walk takes it for a photo.
        foreach (string picture in (string[])["overlay", "map_only"])
            Assert.NotEqual(-1, File.ReadAllBytes(line.GetProperty(picture).GetString()!).AsSpan().IndexOf("tEXtSoftware\0iba"u8));

        IbaProcess.Result Method(string name, params string[] more)
        {
            IbaProcess.Result result = IbaProcess.Run(["attribute", "--weights", _weights, "--size", "96", .. arguments, "--out", Out(name), .. more]);
            Assert.True(result.ExitCode == 0, result.Error);
            return result;
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_whatever_the_batch()
    {
        string[] photos = [Photo("jpeg444.jpg"), Photo("rgb.png"), Photo("gray.jpg")];
        foreach ((string name, string batch, string threads) in ((string, string, string)[])[("one", "1", "1"), ("three", "3", "2"), ("two", "2", "3")])
            Assert.Equal(0, Attribute(["--out", Out(name), "--batch", batch, "--threads", threads, .. photos]).ExitCode);
        Assert.Equal(0, Attribute(["--out", Out("reversed"), "--batch", "3", .. photos.Reverse()]).ExitCode);
        Assert.Equal(0, Attribute(["--out", Out("seed"), "--seed", "1", .. photos]).ExitCode);

        // The pages differ: they quote the command.
        foreach (string file in Directory.GetFiles(Out("one")).Select(path => Path.GetFileName(path)).Where(file => !file.EndsWith(".html")))
        {
            byte[] expected = File.ReadAllBytes(Path.Combine(Out("one"), file));
            Assert.Equal(expected, File.ReadAllBytes(Path.Combine(Out("three"), file)));
            Assert.Equal(expected, File.ReadAllBytes(Path.Combine(Out("two"), file)));
            Assert.Equal(expected, File.ReadAllBytes(Path.Combine(Out("reversed"), file)));
            Assert.NotEqual(expected, File.ReadAllBytes(Path.Combine(Out("seed"), file)));
        }
    }

    /// <summary>The sums of positive features and 3e38 are infinite, though every weight is finite.</summary>
    [Theory]
    [InlineData("predict")]
    [InlineData("attribute")]
    public void A_result_that_is_not_finite_is_that_photos_error_and_its_line_of_JSON(string command)
    {
        string weights = _folder["large.safetensors"];
        using (StateDict narrow = StateDict.Open(_weights))
        {
            SafetensorsFile.Write(weights, [.. narrow.Entries.Select(entry => entry.Name == "fc.weight"
                ? new SafetensorsTensor(entry.Name, [.. entry.Shape], Enumerable.Repeat(3e38f, (int)entry.Count).ToArray())
                : new SafetensorsTensor(entry.Name, entry.Type, [.. entry.Shape], () => entry.ReadBytes()))]);
        }
        string[] method = command == "attribute" ? ["--method", "gradient", "--out", Out("large")] : [];
        IbaProcess.Result result = IbaProcess.Run([command, "--weights", weights, "--size", "96", "--json", .. method, Photo("rgb.png"), Photo("gray.jpg")]);
        Assert.Equal(1, result.ExitCode);
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([Photo("rgb.png"), Photo("gray.jpg")], lines.Select(line => line.GetProperty("image").GetString()));
        Assert.All(lines, line => Assert.Contains("is Infinity, no finite number", line.GetProperty("error").GetString()));

        IbaProcess.Result watched = IbaProcess.RunIn(
            [("IBA_CHECK", "1")], [command, "--weights", weights, "--size", "96", "--json", .. method, Photo("rgb.png"), Photo("gray.jpg")]);
        Assert.Equal(1, watched.ExitCode);
        JsonElement[] found = [.. watched.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([Photo("rgb.png"), Photo("gray.jpg")], found.Select(line => line.GetProperty("image").GetString()));
        Assert.All(found, line => Assert.Matches(
            @"^.*: line \d+ of the tape, fc = Linear.*, computes Infinity at row 0 of the batch, number 0 .*too large.*fc\.weight: 3E\+38 to 3E\+38",
            line.GetProperty("error").GetString()));
    }

    [Fact]
    public void One_bad_file_does_not_stop_the_others()
    {
        string bad = _folder["bad.jpg"], truncated = _folder["truncated.jpg"];
        File.WriteAllText(bad, "no image");
        File.WriteAllBytes(truncated, File.ReadAllBytes(Photo("jpeg444.jpg"))[..5000]);
        IbaProcess.Result result = Attribute("--out", Out("a"), "--json", bad, Photo("rgb.png"), truncated, _folder["absent.jpg"]);
        Assert.Equal(4, result.ExitCode);
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(4, lines.Length);
        Assert.Equal(Photo("rgb.png"), Assert.Single(lines, line => line.TryGetProperty("map", out _)).GetProperty("image").GetString());
        foreach (string photo in (string[])[bad, truncated, _folder["absent.jpg"]])
        {
            JsonElement line = Assert.Single(lines, line => line.GetProperty("image").GetString() == photo);
            Assert.Contains(line.GetProperty("error").GetString()!, result.Error);
        }
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public void Two_photos_of_one_name_do_not_overwrite_each_other()
    {
        string other = _folder["rgb.png"];
        File.Copy(Photo("rgba.png"), other);
        Assert.Equal(0, Attribute("--out", Out("a"), Photo("rgb.png"), other).ExitCode);
        Assert.Equal(6, Directory.GetFiles(Out("a")).Length);
    }

    [Theory]
    [InlineData("no photo", "predict")]
    [InlineData("no such option", "attribute", "x.jpg", "--bta", "10")]
    [InlineData("no weights", "attribute", "x.jpg")]
    [InlineData("no number", "attribute", "x.jpg", "--beta", "ten")]
    [InlineData("steps below 1", "attribute", "x.jpg", "--steps", "0")]
    [InlineData("neither on nor off", "attribute", "x.jpg", "--winograd", "maybe")]
    [InlineData("no such command", "atribute")]
    public void Usage_errors_exit_with_2_and_no_stack_trace(string what, params string[] arguments)
    {
        IbaProcess.Result result = IbaProcess.Run(arguments);
        Assert.True(result.ExitCode == 2, $"{what}: {result}");
        Assert.Contains("error:", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.DoesNotContain("(Parameter", result.Error);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("--stpes", "attribute", "x.jpg", "--stpes", "5")]
    [InlineData("--tpo", "predict", "--tpo=3", "x.jpg", "--model", "demo-vgg16")]
    [InlineData("-betas", "compare", "x.jpg", "-betas", "5")]
    [InlineData("--batch 0", "attribute", "--batch", "0")]
    [InlineData("--batch -3", "attribute", "--batch", "-3")]
    [InlineData("--batch 0", "evaluate", "boxes", "--images", "x", "--annotations", "y", "--batch", "0")]
    [InlineData("--count -1", "evaluate", "boxes", "--images", "x", "--annotations", "y", "--count", "-1")]
    [InlineData("--methods ,", "evaluate", "boxes", "--images", "x", "--annotations", "y", "--methods", ",")]
    [InlineData("--threads 100000", "attribute", "--threads", "100000")]
    [InlineData("--threads -1", "attribute", "--threads", "-1")]
    [InlineData("--memory 0", "attribute", "--memory", "0")]
    [InlineData("--scale -1", "attribute", "--scale", "-1")]
    [InlineData("--steps", "attribute", "--steps", "ten")]
    [InlineData("--winograd", "attribute", "--winograd", "maybe")]
    [InlineData("grad-camm", "attribute", "--method", "grad-camm")]
    [InlineData("--layer", "attribute", "--method", "grad-cam", "--layer", "layer3", "--steps", "5")]
    [InlineData("--steps", "attribute", "--method", "readout", "--steps", "5")]
    [InlineData("--images", "attribute", "--method", "random", "--images", "x")]
    public void A_mistake_is_named_as_it_was_typed_before_anything_runs(string named, params string[] arguments)
    {
        IbaProcess.Result result = IbaProcess.Run(arguments);
        Assert.True(result.ExitCode == 2, $"{result}");
        Assert.Contains(named, result.Error);
        Assert.DoesNotContain("(Parameter", result.Error);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("--statistics", "iba estimate")]
    [InlineData("--patterns", "iba patterns fit")]
    [InlineData("--readout", "iba readout train")]
    [InlineData("--labels", "leave --labels out")]
    [InlineData("--weights", "iba weights fetch")]
    public void A_missing_file_is_named_with_its_option_and_how_to_get_one(string option, string next)
    {
        IbaProcess.Result result = IbaProcess.Run("attribute", option, "nowhere.file");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"{option} nowhere.file: there is no such file", result.Error);
        Assert.Contains(next, result.Error);
    }

    [Fact]
    public void What_stands_in_the_way_of_results_is_named_before_anything_is_computed()
    {
        string file = _folder["file"];
        File.WriteAllText(file, "");
        foreach (string[] arguments in (string[][])[["attribute", "--out", file], ["attribute", "--out", Path.Combine(file, "in")],
            ["estimate", "--images", _photos, "--out", Path.Combine(file, "in")], ["estimate", "--images", _photos, "--out", _photos]])
        {
            IbaProcess.Result result = IbaProcess.Run(arguments);
            Assert.True(result.ExitCode == 2, $"{result}");
            Assert.Contains($"--out {arguments[^1]}: ", result.Error);
            Assert.Contains(arguments[^1] == _photos ? "it is a folder" : $"{file} is no folder", result.Error);
        }
    }

    [Theory]
    [InlineData("attribute")]
    [InlineData("estimate", "--images", "x")]
    [InlineData("patterns", "fit", "--images", "x")]
    [InlineData("readout", "train", "--images", "x")]
    [InlineData("compare", "x.jpg")]
    [InlineData("dataset", "shapes", "--count", "10")]
    [InlineData("weights", "convert", "x.pth")]
    [InlineData("weights", "fetch", "resnet50")]
    [InlineData("demo", "train", "--network", "vgg16")]
    public void An_output_path_that_cannot_be_written_is_named_as_it_was_typed_before_the_work(params string[] command)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is a place where nobody can write on Linux alone");
        const string place = "/proc/out";
        IbaProcess.Result result = IbaProcess.Run([.. command, "--out", place]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"--out {place}: ", result.Error);
        Assert.DoesNotContain(".iba-tmp", result.Error);
    }

    [Theory]
    [InlineData("See: iba --help", "nosuch")]
    [InlineData("See: iba attribute --help", "attribute", "--stpes")]
    [InlineData("See: iba evaluate boxes --help", "evaluate", "boxes")]
    public void The_hint_names_the_command_that_was_typed(string hint, params string[] arguments) =>
        Assert.EndsWith(hint, IbaProcess.Run(arguments).Error.TrimEnd());

    [Fact]
    public void Mistakes_that_need_the_network_are_named_too()
    {
        Assert.Contains("bn1", Refused(1 + 1, "--layer", "layer9", Photo("rgb.png")));
        Assert.Contains("10", Refused(2, "--target", "10", Photo("rgb.png")));
        Assert.Contains("--device", Refused(3, "--device", "cuda", Photo("rgb.png")));
        string photo = Refused(1, "--weights", Photo("rgb.png"), Photo("rgb.png"));
        Assert.Contains("rgb.png", photo);
    }

    [Fact]
    public void Statistics_of_another_layer_or_network_are_refused_with_the_reason()
    {
        string statistics = _folder["statistics.safetensors"];
        Assert.Equal(0, IbaProcess.Run(
            "estimate", "--weights", _weights, "--size", "96", "--images", _photos, "--out", statistics, "--layer", "layer1").ExitCode);
        string[] common = ["attribute", Photo("rgb.png"), "--statistics", statistics, "--out", Out("a")];
        Assert.Equal(0, IbaProcess.Run([.. common, "--weights", _weights, "--size", "96"]).ExitCode);

        IbaProcess.Result size = IbaProcess.Run([.. common, "--weights", _weights, "--size", "64"]);
        Assert.Equal(1, size.ExitCode);
        Assert.Contains("(1, 24, 24, 32)", size.Error);
        IbaProcess.Result layer = IbaProcess.Run([.. common, "--weights", _weights, "--size", "96", "--layer", "layer2"]);
        Assert.Contains("layer1.2", layer.Error);
        IbaProcess.Result network = IbaProcess.Run([.. common, "--weights", Golden.Path("vgg16-narrow.pth"), "--size", "96"]);
        Assert.Equal(2, network.ExitCode);
        Assert.Contains($"--statistics {statistics}: they are of resnet50, and the network is vgg16", network.Error);
    }

    [Fact]
    public void Ctrl_C_stops_between_steps_and_leaves_nothing_half_written()
    {
        string[] photos = [Photo("jpeg444.jpg"), Photo("rgb.png"), Photo("gray.jpg"), Photo("jpeg420.jpg")];
        string cache = Directory.CreateDirectory(Out("cache")).FullName;
        using Process process = IbaProcess.Start(cache, [.. Arguments(), "--out", Out("a"), "--batch", "1", "--steps", "100000", "--json", .. photos]);
        // The statistics are kept just before the first photo's hundred thousand steps begin.
        while (!Directory.EnumerateFiles(cache, "*.safetensors", SearchOption.AllDirectories).Any() && !process.HasExited)
            Thread.Sleep(20);
        Thread.Sleep(500);
        IbaProcess.SendCtrlC(process);
        process.WaitForExit();
        Assert.Equal(4, process.ExitCode);
        Assert.Contains("cancelled", process.StandardError.ReadToEnd());
        Assert.False(Directory.Exists(Out("a")), "no photo was finished, so nothing should be there");
        Assert.DoesNotContain(Directory.GetFiles(cache, "*", SearchOption.AllDirectories), file => !file.EndsWith(".safetensors", StringComparison.Ordinal));
    }

    private string Photo(string name) => Path.Combine(_photos, name);

    private string Out(string name) => _folder[name];

    private string[] Arguments() => ["attribute", "--weights", _weights, "--size", "96", "--images", _photos, "--samples", "6"];

    private IbaProcess.Result Attribute(params string[] arguments) => IbaProcess.Run([.. Arguments(), .. arguments]);

    private string Refused(int exitCode, params string[] arguments)
    {
        string[] common = ["attribute", "--size", "96", "--images", _photos, "--samples", "6", "--out", Out("refused")];
        string[] weights = arguments.Contains("--weights") ? [] : ["--weights", _weights];
        IbaProcess.Result result = IbaProcess.Run([.. common, .. weights, .. arguments]);
        Assert.True(result.ExitCode == exitCode, $"{string.Join(' ', arguments)}: {result}");
        Assert.DoesNotContain("   at ", result.Error);
        return result.Error;
    }
}
