using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Iba.Cli;
using Iba.Shapes;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Tests.Cli;

/// <summary><c>iba evaluate run</c> and the folder it writes: stopped, continued, shared out, joined and verified.</summary>
public sealed class EvaluationRunCommandTests : IDisposable
{
    private const int Count = 10, Size = 64;

    private readonly TemporaryFolder _folder = new();

    public EvaluationRunCommandTests() => new ShapesFolder(_folder["shapes"]).Write(new ShapesDataset(seed: 9, Size), Count);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_that_is_killed_again_and_again_ends_with_the_bytes_of_an_undisturbed_one()
    {
        Done(Run("whole"));
        int kills = 0;
        for (bool ended = false; !ended;)
        {
            using Process process = IbaProcess.Start(IbaProcess.Cache, Arguments("killed"));
            // Whatever it is doing then: starting, explaining or writing.
            ended = kills >= 10 || process.WaitForExit(400 + 150 * kills);
            if (!ended)
            {
                process.Kill();
                kills++;
            }
            process.WaitForExit();
        }
        Done(Run("killed"));
        Assert.Equal(Bytes("whole"), Bytes("killed"));
        Assert.Equal(Summary("whole"), Summary("killed"));
        IbaProcess.Result verified = IbaProcess.Run("evaluate", "verify", _folder["killed"], "--records", "6");
        Assert.True(verified.ExitCode == 0, verified.Error);
        Assert.Contains("6 of 6 records are reproduced", verified.Output);
    }

    [Fact]
    public void Three_parts_joined_are_the_bytes_of_one_run()
    {
        Done(Run("whole"));
        for (int part = 1; part <= 3; part++)
            Done(Run("parts", "--shard", $"{part}/3"));
        Assert.Equal(3, Directory.GetFiles(_folder["parts"], "ledger*.jsonl").Length);
        Done(IbaProcess.Run("evaluate", "merge", _folder["parts"], "--out", _folder["joined"]));
        Done(IbaProcess.Run("evaluate", "merge", _folder["whole"], "--out", _folder["sorted"]));
        Assert.Equal(Bytes("sorted"), Bytes("joined"));
        Assert.Equal(Summary("sorted"), Summary("joined"));
        Done(IbaProcess.Run("evaluate", "verify", _folder["joined"], "--records", "2"));
    }

    [Fact]
    public void A_full_disk_ends_the_run_and_loses_nothing_that_was_finished()
    {
        Done(Run("whole"));
        long whole = new FileInfo(_folder["whole/ledger.jsonl"]).Length;
        // Files may not grow beyond that: 512 bytes a block. The signal of it is ignored, so that the write fails as on a full disk. The runtime's
        // doubly mapped code is a file, too, which would be too large.
        string line = $"trap '' XFSZ; ulimit -f {whole / 512 * 2 / 3}; exec \"$IBA\" {string.Join(' ', Arguments("full"))}";
        IbaProcess.Result result = IbaProcess.Shell(_folder[""], line, ("DOTNET_EnableWriteXorExecute", "0"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("ledger.jsonl: it cannot be written", result.Error);
        Assert.Contains("run the same command again", result.Error);
        byte[] kept = Bytes("full"), all = Bytes("whole");
        Assert.InRange(kept.Length, all.Length / 3, all.Length - 1);
        Assert.Equal((byte)'\n', kept[^1]);
        Assert.Equal(all[..kept.Length], kept);
        Done(Run("full"));
        Assert.Equal(all, Bytes("full"));
    }

    [Fact]
    public void A_second_process_on_the_same_part_says_so_and_ends()
    {
        using (new FileStream(Made("busy/ledger.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            IbaProcess.Result second = Run("busy");
            Assert.Equal(1, second.ExitCode);
            Assert.Contains("another process is writing to it", second.Error);
        }
        Done(Run("busy", "--count", "1"));
    }

    [Fact]
    public void Job_variables_without_shard_auto_are_pointed_out_and_with_it_give_the_part()
    {
        (string, string)[] variables = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "5")];
        IbaProcess.Result all = IbaProcess.RunIn(variables, Arguments("all", "--count", "5"));
        Done(all);
        Assert.Contains("OMPI_COMM_WORLD_RANK is set, but without --shard auto", all.Error);
        Done(IbaProcess.RunIn(variables, Arguments("part", "--count", "5", "--shard", "auto")));
        Assert.True(File.Exists(_folder["part/ledger-2-of-5.jsonl"]));
        Assert.Contains("1 of 5 photos", IbaProcess.Run("evaluate", "summary", _folder["part"]).Error);
        // Where it is verified, no engine gives a part.
        Done(IbaProcess.Run("evaluate", "verify", _folder["part"], "--records", "1"));
    }

    /// <summary>deploy/mpirun.sh with two processes; the joined ledger is that of one.</summary>
    [Fact]
    public void Two_processes_of_Open_MPI_share_the_photos()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mpirun"), "mpirun is not there: apt-get install openmpi-bin");
        string script = Path.Combine(Golden.Root, "deploy", "mpirun.sh"), options = string.Join(' ', Arguments("parts"));
        // As root, and on a machine with one core, Open MPI wants to be told that it is meant.
        Done(IbaProcess.Shell(
            _folder[""], $"{script} -n 2 --oversubscribe -- {options}", ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")));
        Done(Run("whole"));
        Done(IbaProcess.Run("evaluate", "merge", _folder["parts"], "--out", _folder["joined"]));
        Done(IbaProcess.Run("evaluate", "merge", _folder["whole"], "--out", _folder["sorted"]));
        Assert.Equal(2, Directory.GetFiles(_folder["parts"], "ledger-*-of-2.jsonl").Length);
        Assert.Equal(Bytes("sorted"), Bytes("joined"));
    }

    /// <summary>What Kubernetes' API asks of an Indexed Job, and what must agree within the file.</summary>
    [Fact]
    public void The_Kubernetes_job_has_a_part_for_every_completion()
    {
        using var file = new StreamReader(Path.Combine(Golden.Root, "deploy", "kubernetes-job.yaml"));
        var yaml = new YamlStream();
        yaml.Load(file);
        YamlNode job = Assert.Single(yaml.Documents).RootNode, spec = job["spec"], pod = spec["template"]["spec"];
        Assert.Equal(
            ("batch/v1", "Job", "Indexed", "Never"), ($"{job["apiVersion"]}", $"{job["kind"]}", $"{spec["completionMode"]}", $"{pod["restartPolicy"]}"));
        var container = (YamlMappingNode)Assert.Single((YamlSequenceNode)pod["containers"]);
        string[] words = [.. ((YamlSequenceNode)container["args"]).Select(word => $"{word}")];
        Assert.Equal($"auto/{spec["completions"]}", words[^1]);
        Assert.InRange(int.Parse($"{spec["parallelism"]}"), 1, int.Parse($"{spec["completions"]}"));
        Assert.Empty(CommandLine.Mistakes(CommandLine.Parse([.. words.Select(word => word.Replace("/data", _folder[""]).Replace("auto/8", "1/8"))])));
        string[] mounted = [.. ((YamlSequenceNode)container["volumeMounts"]).Select(mount => $"{mount["name"]}")];
        Assert.Equal(mounted, ((YamlSequenceNode)pod["volumes"]).Select(volume => $"{volume["name"]}"));
        Assert.All(((YamlSequenceNode)container["env"]).Select(variable => variable["value"]), value => Assert.IsType<YamlScalarNode>(value));
    }

    [Fact]
    public void A_summary_writes_tables_figures_and_claims()
    {
        Done(Run("run", "--count", "4"));
        IbaProcess.Result summary = IbaProcess.Run("evaluate", "summary", _folder["run"], "--out", _folder["tables"]);
        Done(summary);
        Assert.Contains("random attribution scores 0 in degradation", summary.Output);
        Assert.Equal(
            ["claims.txt", .. ((string[])["degradation-resnet50.png", "degradation-resnet50.svg", "table-1-resnet50.csv", "table-1-resnet50.json",
                "table-1-resnet50.md"])],
            Directory.GetFiles(_folder["tables"]).Select(Path.GetFileName).Order());
        Assert.Contains("| Gradient |", File.ReadAllText(_folder["tables/table-1-resnet50.md"]));
        JsonElement[] lines = [.. Summary("run").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        JsonElement random = lines.Single(
            line => line.GetProperty("quantity").GetString() == "degradation" && line.GetProperty("method").GetString() == "random");
        Assert.Equal((4, "resnet50", "degradation-8"),
            (random.GetProperty("count").GetInt32(), random.GetProperty("network").GetString(), random.GetProperty("measure").GetString()));
        Assert.InRange(random.GetProperty("mean").GetDouble(), random.GetProperty("low").GetDouble(), random.GetProperty("high").GetDouble());
    }

    [Fact]
    public void A_plan_keeps_nothing()
    {
        IbaProcess.Result plan = Run("planned", "--plan");
        Done(plan);
        Assert.Contains("forward passes", plan.Output);
        Assert.Contains("disk", plan.Output);
        Assert.False(Directory.Exists(_folder["planned"]));
    }

    [Theory]
    [InlineData("--methods gradient,gradient", "gradient is named twice")]
    [InlineData("--methods gradient --preset paper", "exclude each other")]
    [InlineData("--methods gradient --shard 9/4", "--shard 9/4")]
    [InlineData("--methods per-sample:beta=x", "beta is 'x'")]
    [InlineData("--methods gradient --measures boxes", "boxes needs annotations")]
    [InlineData("--methods gradient --measures beauty", "there is no measure 'beauty'")]
    public void Mistakes_are_refused_before_the_work(string options, string reason)
    {
        IbaProcess.Result result = IbaProcess.Run(
            ["evaluate", "run", "--images", _folder["shapes/images"], "--size", "64", "--out", _folder["out"], .. options.Split(' ')]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(reason, result.Error);
    }

    [Fact]
    public void Photos_of_one_name_are_refused_and_so_are_two_evaluations_of_one_network_in_a_summary()
    {
        string photo = Directory.GetFiles(_folder["shapes/images"], "*.png", SearchOption.AllDirectories)[0];
        File.Copy(photo, Made("one/a.png"));
        File.Copy(photo, Made("two/a.png"));
        IbaProcess.Result same = IbaProcess.Run(
            "evaluate", "run", "--images", _folder["one"], "--images", _folder["two"], "--methods", "random", "--size", "64", "--out", _folder["same"]);
        Assert.Equal(2, same.ExitCode);
        Assert.Contains("have one name in the records, a.png", same.Error);
        Assert.Contains("left out: degradation-14: tiles of 14 x 14 pixels do not divide an image of 64 x 64", same.Error);
        Done(Run("run", "--count", "1"));
        Assert.Contains("one folder for each network", IbaProcess.Run("evaluate", "summary", _folder["run"], _folder["run"]).Error);
    }

    [Fact]
    public void A_grid_evaluates_every_combination_and_the_best_comes_first()
    {
        IbaProcess.Result grid = IbaProcess.Run(
            "evaluate", "grid", "--images", _folder["shapes/images"], "--size", "64", "--count", "2", "--out", _folder["grid"], "--measures", "degradation-8",
            "--statistics", Statistics(), "--grid", "beta=1,100", "copies=1", "--grid", "steps=1,2");
        Done(grid);
        string[] rows = [.. grid.Lines.Where(line => line.Contains("copies = 1"))];
        Assert.Equal(4, rows.Length);
        double[] scores = [.. rows.Select(row => double.Parse(row.Split('│')[3], CultureInfo.InvariantCulture))];
        Assert.Equal(scores.OrderDescending(), scores);
        Assert.Contains("--grid beta", IbaProcess.Run("evaluate", "grid", "--images", _folder["shapes/images"], "--out", _folder["x"], "--grid", "beta").Error);
    }

    [Fact]
    public void Another_setting_of_the_same_method_is_refused_and_a_variant_is_welcome()
    {
        Done(Run("run", "--count", "2"));
        IbaProcess.Result other = Run("run", "--count", "2", "--seed", "5");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("method seed is 0, not 5", other.Error);
        Done(Run("run", "--count", "2", "--methods", "random:seed=5,gradient:as-published"));
        Assert.Contains("Random (seed = 5)", IbaProcess.Run("evaluate", "summary", _folder["run"]).Output);
    }

    /// <summary>A ledger holds no maps: its own command computes them again, for the photos that are still the same.</summary>
    [Fact]
    public void A_report_shows_the_maps_of_disputed_photos_and_says_which_it_cannot_show()
    {
        Done(Run("run", "--count", "3"));
        string[] photos = [.. File.ReadLines(_folder["run/ledger.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("image", out _)).Select(line => line.GetProperty("image").GetString()!).Distinct()];
        Assert.Equal(3, photos.Length);
        Assert.Equal(3, Shown("run"));
        File.Delete(_folder[$"shapes/images/{photos[0]}"]);
        File.Copy(_folder[$"shapes/images/{photos[2]}"], _folder[$"shapes/images/{photos[1]}"], overwrite: true);
        Assert.Equal(1, Shown("run", $"{photos[0]}: not shown, the photo is no longer where", $"{photos[1]}: not shown, its file is another one"));
        Directory.Move(_folder["shapes"], _folder["elsewhere"]);
        Assert.Equal(0, Shown("run", "resnet50: no maps are shown. "));
        Done(IbaProcess.Run("evaluate", "summary", _folder["run"], "--report", _folder["page.html"], "--no-maps"));
        Assert.DoesNotContain("Their maps", File.ReadAllText(_folder["page.html"]), StringComparison.Ordinal);

        int Shown(string run, params string[] missing)
        {
            Done(IbaProcess.Run("evaluate", "summary", _folder[run], "--report", _folder["page.html"]));
            string page = File.ReadAllText(_folder["page.html"]);
            Assert.All(missing, each => Assert.Contains($"<li>{each}", page, StringComparison.Ordinal));
            return page.Split("class=\"of-map\"").Length / 2;
        }
    }

    private string Statistics()
    {
        string file = _folder["statistics.safetensors"];
        Done(IbaProcess.Run("estimate", "--model", "demo-resnet50", "--size", "64", "--images", _folder["shapes/images"], "--out", file));
        return file;
    }

    private static void Done(IbaProcess.Result result) => Assert.True(result.ExitCode == 0, result.Error);

    private string[] Arguments(string folder, params string[] more) =>
    [
        "evaluate", "run", "--images", _folder["shapes/images"], "--annotations", _folder["shapes/annotations"], "--size", $"{Size}", "--out", _folder[folder],
        "--measures", "boxes,degradation-8", "--batch", "2", .. more.Contains("--methods") ? (string[])[] : ["--methods", "gradient,random"], .. more,
    ];

    private IbaProcess.Result Run(string folder, params string[] more) => IbaProcess.Run(Arguments(folder, more));

    private byte[] Bytes(string folder) => File.ReadAllBytes(_folder[$"{folder}/ledger.jsonl"]);

    private string Summary(string folder) => IbaProcess.Run("evaluate", "summary", _folder[folder], "--json").Output;

    private string Made(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[file])!);
        return _folder[file];
    }
}
