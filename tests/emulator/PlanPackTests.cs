using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Diagnostics;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Emulator;

/// <summary>Plans that are built before there is a GPU: the calls, what each unit gets, the file, and who may use it.</summary>
public sealed class PlanPackTests : IDisposable
{
    private static readonly GpuDescription H200 = GpuDescription.Read("h200");

    private readonly FakeGpu _gpu = new();
    private readonly TemporaryFolder _folder = new();

    public PlanPackTests()
    {
        _gpu.Driver.IsIdle = true;
        _gpu.Driver.TotalBytes = (nuint)80 << 30;
        _gpu.Cudnn.Answers = graph => CudnnAnswers.Of(_gpu.Cudnn, graph);
    }

    public void Dispose()
    {
        _gpu.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_described_gpu_is_asked_without_a_handle_and_in_the_librarys_order()
    {
        _gpu.Driver.Start = CUresult.CUDA_ERROR_NO_DEVICE;
        PackReport report = Build("resnet50", Precision.BFloat16, 160);
        Assert.Empty(_gpu.Cudnn.Misuse);
        Assert.Equal((0, 0), (_gpu.Cudnn.LiveDescriptors, _gpu.Cudnn.LiveHandles));
        FakeDescriptor described = Assert.Single(_gpu.Cudnn.Made, made => made.Kind == cudnnBackendDescriptorType.CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        Assert.Equal(Utf8.Write(H200.Json), described[cudnnBackendAttributeName.CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION].Bytes);
        Assert.DoesNotContain(_gpu.Cudnn.Made, made => made.Has(cudnnBackendAttributeName.CUDNN_ATTR_OPERATIONGRAPH_HANDLE));
        Assert.Equal(0, _gpu.Cudnn.Restored);
        Assert.Equal(new FileInfo(report.Path).Length, report.Bytes);
        Assert.All(report.Units, unit => Assert.Contains(" 160x", unit.Unit));
        Assert.Contains(report.Units, unit => unit.Layers.Contains("conv1") && unit.Unit.Contains("224x224x8 -> 64"));
    }

    public static TheoryData<string, Precision, int> Networks => new MatrixTheoryData<string, Precision, int>(
        ["resnet50", "vgg16"], [Precision.Float32, Precision.TensorFloat32, Precision.BFloat16], [91501, 92400, 92801]);

    [Theory]
    [MemberData(nameof(Networks))]
    public void Every_unit_of_both_networks_has_an_engine(string model, Precision precision, int version)
    {
        _gpu.Cudnn.Version = (nuint)version;
        PackReport report = Build(model, precision, 10, 160);
        Assert.All(report.Units, unit => Assert.NotEmpty(unit.Engines));
        // Forward and both gradients' ways, at both batches.
        Assert.Equal(2, report.Units.CountBy(unit => unit.Unit.Contains(" 160x")).Count());
        // bfloat16: engine 4, or one that needs no compilation. Images that are not padded to 8 channels have neither.
        if (precision == Precision.BFloat16)
            Assert.All(report.Units.Where(unit => !unit.Unit.Contains("x3 -> ")), unit =>
                Assert.Contains(unit.Engines, engine => !engine.IsCompiled || engine.Engine == "engine 4"));
        Assert.DoesNotContain(report.Units, unit => unit.Engines.Any(engine => engine.Engine == "engine 1"));
        Assert.Empty(_gpu.Cudnn.Misuse);
    }

    [Fact]
    public void The_units_are_those_that_the_device_is_asked_for()
    {
        using CudaBackend backend = _gpu.Open();
        string[] asked = [.. PlanSurvey.Run(backend, "resnet50", 2).Select(plan => plan.Choice.Unit).Where(unit => unit.Contains("stride"))];
        string[] drawn = [.. PlanPacker.Units(PlanPacking.Of("resnet50"), [2], Precision.TensorFloat32).Select(unit => unit.Unit.ToString())];
        Assert.Superset(asked.ToHashSet(), drawn.ToHashSet());
        Assert.True(drawn.Length < asked.Distinct().Count() + 8, "the part after the bottleneck adds a few units without a gate");
    }

    [Fact]
    public void A_device_takes_its_plans_from_the_pack_and_keeps_the_fastest_for_its_next_start()
    {
        PackReport report = Build("resnet50", Precision.TensorFloat32, 2);
        (int built, int searches) = (_gpu.Cudnn.Built, _gpu.Cudnn.Searches);
        using (CudaBackend backend = _gpu.Open(cache: _folder["cache"], limits: new SearchLimits(Checked: false) { Pack = report.Path }))
        {
            Assert.Empty(backend.Notes);
            Assert.All(PlanSurvey.Run(backend, "resnet50", 2).Where(plan => plan.Choice.Engine is not null),
                plan => Assert.Contains("of the plans built before", plan.Choice.Reason));
        }
        Assert.Equal((built, searches), (_gpu.Cudnn.Built, _gpu.Cudnn.Searches));
        Assert.True(_gpu.Cudnn.Restored > 30);

        int restored = _gpu.Cudnn.Restored;
        using (CudaBackend backend = _gpu.Open(cache: _folder["cache"]))
        {
            Assert.All(PlanSurvey.Run(backend, "resnet50", 2).Where(plan => plan.Choice.Engine is not null),
                plan => Assert.Equal("kept from an earlier run", plan.Choice.Reason));
            Assert.Equal(backend.Choices.Count(choice => choice.Engine is not null), _gpu.Cudnn.Restored - restored);
        }
        Assert.Equal((built, searches), (_gpu.Cudnn.Built, _gpu.Cudnn.Searches));
        Assert.Empty(_gpu.Cudnn.Misuse);
    }

    /// <summary>A pack names what its engines had to keep to, and their notes; its reader asks for its own.</summary>
    [Fact]
    public void Plans_of_engines_whose_bits_change_are_refused_by_a_device_that_did_not_ask_for_them()
    {
        _gpu.Cudnn.Answers = _ => [new FakeEngine(1) { Notes = [4] }, new FakeEngine(2)];
        string path = _folder["any.plans"];
        PlanPacker.Build(_gpu.Libraries(), new CacheFolder(null), H200, PlanPacking.Of("vgg16"), "vgg16", [2], Precision.TensorFloat32,
            new SearchLimits(Deterministic: false, Candidates: 1), path, (_, _) => { }, TestContext.Current.CancellationToken);
        using (SafetensorsFile file = SafetensorsFile.Open(path, FileContents.Read(path)))
            Assert.StartsWith("any; ", file.Metadata["limits"]);
        using CudaBackend backend = _gpu.Open(limits: new SearchLimits(Checked: false, Candidates: 1) { Pack = path });
        var fused = PlanSurvey.Run(backend, "vgg16", 2).Where(plan => plan.Choice.Route == Route.Fused).ToArray();
        Assert.NotEmpty(fused);
        Assert.All(fused, plan =>
        {
            Assert.Equal("engine 2", plan.Choice.Engine);
            Assert.Contains(plan.Choice.Rejected, line => line == "engine 1, kept from an earlier run: its bits differ from run to run");
        });
    }

    [Fact]
    public void A_pack_in_the_users_cache_is_found_without_being_named()
    {
        var cache = new CacheFolder(_folder["cache"]);
        PackReport report = PlanPacker.Build(_gpu.Libraries(), cache, H200, PlanPacking.Of("resnet50"), "resnet50", [2], Precision.TensorFloat32,
            new SearchLimits(), null, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.StartsWith(_folder["cache"], report.Path);
        int built = _gpu.Cudnn.Built;
        using CudaBackend backend = _gpu.Open(cache: _folder["cache"]);
        PlanSurvey.Run(backend, "resnet50", 2);
        Assert.Equal(built, _gpu.Cudnn.Built);
        Assert.Empty(backend.Notes);
    }

    [Fact]
    public void A_pack_of_another_version_or_device_is_passed_over_with_one_line_and_everything_is_searched()
    {
        PackReport report = Build("vgg16", Precision.TensorFloat32, 2);
        _gpu.Cudnn.Version += 1;
        Passed("it was built by cuDNN 9.13.1, and this is 9.13.2");
        _gpu.Cudnn.Version -= 1;
        _gpu.Cudnn.Gpu = GpuDescription.Read("l40s").Json;
        Passed("it is for NVIDIA H200 (deviceVer 900), and NVIDIA L40S has 890");
        foreach (string field in (string[])["multiProcessorCount", "maxSharedMemoryPerBlock", "maxSharedMemoryPerBlockOptin", "reservedSharedMemoryPerBlock",
            "regsPerBlock", "maxRegistersPerSM"])
        {
            _gpu.Cudnn.Gpu = Changed(field, "7");
            Passed($"it is for NVIDIA H200 ({field}");
        }
        // What does not decide: clocks, memory, the name.
        _gpu.Cudnn.Gpu = Changed("smClockRateKHz", "7");
        using CudaBackend same = _gpu.Open(limits: new SearchLimits(Checked: false) { Pack = report.Path });
        Assert.Empty(same.Notes);

        void Passed(string reason)
        {
            using CudaBackend backend = _gpu.Open(limits: new SearchLimits(Checked: false) { Pack = report.Path });
            string note = Assert.Single(backend.Notes);
            Assert.Equal(0, note.Count(letter => letter == '\n'));
            Assert.StartsWith($"{report.Path}: passed over: {reason}", note);
            (int restored, int built) = (_gpu.Cudnn.Restored, _gpu.Cudnn.Built);
            using var numbers = new Engine.TestTensors(backend);
            backend.Convolution(numbers.Empty(new(2, 224, 224, 3)), numbers.Empty(new(64, 3, 3, 3)), numbers.Empty(new(64)), null, true, new(3, 1, 1),
                numbers.Empty(new(2, 224, 224, 64)));
            Assert.Equal(restored, _gpu.Cudnn.Restored);
            Assert.True(_gpu.Cudnn.Built > built);
        }
    }

    [Fact]
    public void A_pack_cut_anywhere_or_changed_in_any_part_is_refused_in_one_line()
    {
        byte[] whole = File.ReadAllBytes(Build("vgg16", Precision.TensorFloat32, 2).Path);
        int header = 8 + (int)BitConverter.ToUInt64(whole);
        foreach (int length in (int[])[1, 7, 8, 9, header / 2, header - 1, header, header + 1, (header + whole.Length) / 2, whole.Length - 1])
            Refused(whole[..length]);
        Refused([.. whole, 0]);
        Refused([.. new byte[whole.Length]]);
        foreach (int place in (int[])[0, 9, header / 2, header, (header + whole.Length) / 2, whole.Length - 1])
        {
            byte[] changed = [.. whole];
            changed[place] ^= 1;
            Refused(changed);
        }
        Assert.True(PlanPack.Read(_folder.With("whole", whole)).Count > 10);

        void Refused(byte[] bytes)
        {
            string path = _folder.With("broken", bytes);
            FileFormatException e = Assert.Throws<FileFormatException>(() => _gpu.Open(limits: new SearchLimits { Pack = path }));
            Assert.StartsWith($"{path}: ", e.Message);
            Assert.DoesNotContain('\n', e.Message);
            Assert.Equal(0, _gpu.Cudnn.LiveHandles);
        }
    }

    [Fact]
    public void A_file_without_a_checksum_or_of_another_kind_is_no_pack()
    {
        SafetensorsFile.Write(_folder["bare"], [], new Dictionary<string, string> { ["format"] = "iba plans 1", ["cudnn"] = "91301" });
        SafetensorsFile.Write(_folder["other"], [], new Dictionary<string, string> { ["format"] = "iba statistics" }, withChecksum: true);
        SafetensorsFile.Write(_folder["nothing"], [], new Dictionary<string, string> { ["format"] = "iba plans 1" }, withChecksum: true);
        SafetensorsFile.Write(_folder["nowhere"], [], new Dictionary<string, string> { ["format"] = "iba plans 1", ["cudnn"] = "1", ["gpu"] = "{}" },
            withChecksum: true);
        foreach ((string file, string reason) in ((string, string)[])[("bare", "no file of plans"), ("other", "no file of plans"),
            ("nothing", "names no version"), ("nowhere", "lacks \"deviceVer\"")])
            Assert.Contains(reason, Assert.Throws<FileFormatException>(() => PlanPack.Read(_folder[file])).Message);
    }

    /// <summary>Plans are code: what others may have written does not run.</summary>
    [Theory]
    [InlineData("file", "others may write it")]
    [InlineData("folder", "others may write it")]
    [InlineData("root", "others may write it")]
    [InlineData("link", "it is a link")]
    [InlineData("owner", "another user owns it")]
    public void A_file_of_the_cache_that_is_not_the_users_own_is_passed_over(string what, string reason)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes");
        Assert.SkipWhen(what == "owner" && FileStatus.User != 0, "only root can give a file away");
        var cache = new CacheFolder(_folder["cache"]);
        cache.Write("plans", "a", [1, 2]);
        Assert.Equal([1, 2], cache.Read("plans", "a"));
        Assert.Empty(cache.Notes);
        string path = what switch { "root" => _folder["cache"], "folder" => Path.Combine(_folder["cache"], "plans"), _ => cache.PathOf("plans", "a")! };
        switch (what)
        {
            case "link":
                File.Move(path, _folder["elsewhere"]);
                File.CreateSymbolicLink(path, _folder["elsewhere"]);
                break;
            case "owner":
                (FileStatus.Of(path)!.Value with { Owner = 12345 }).GiveTo(path);
                break;
            default:
                if (!OperatingSystem.IsWindows())
                    File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.GroupWrite);
                break;
        }
        Assert.Null(cache.Read("plans", "a"));
        Assert.Null(cache.Read("plans", "a"));
        Assert.Contains(reason, Assert.Single(cache.Notes));
        Assert.StartsWith($"{path}: passed over", cache.Notes[0]);
    }

    [Fact]
    public void A_damaged_choice_in_the_cache_is_searched_again()
    {
        using (CudaBackend backend = _gpu.Open(cache: _folder["cache"]))
            Convolve(backend);
        string file = Assert.Single(Directory.GetFiles(Path.Combine(_folder["cache"], "plans")));
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^1]);
        int searches = _gpu.Cudnn.Searches;
        using CudaBackend again = _gpu.Open(cache: _folder["cache"]);
        Convolve(again);
        Assert.Equal(searches + 1, _gpu.Cudnn.Searches);
        Assert.StartsWith($"{file}: ", Assert.Single(again.Notes));
    }

    [Fact]
    public void Without_cudnn_or_with_an_old_one_there_is_one_line()
    {
        using var without = new FakeGpu(cudnn: false);
        Assert.Contains("no cuDNN", Refused(without));
        using var old = new FakeGpu();
        old.Cudnn.Version = 90700;
        Assert.Contains("cuDNN 9.7.0 refuses the description", Refused(old));
        Assert.Equal(0, old.Cudnn.LiveDescriptors);

        string Refused(FakeGpu gpu) => Assert.Throws<PlanBuildException>(() => PlanPacker.Build(gpu.Libraries(), new CacheFolder(null), H200,
            PlanPacking.Of("resnet50"), "resnet50", [2], Precision.Float32, new SearchLimits(), _folder["x"], (_, _) => { },
            TestContext.Current.CancellationToken)).Message;
    }

    public static TheoryData<string> Fields => [.. FakeCudnn.Fields];

    [Theory]
    [MemberData(nameof(Fields))]
    public void A_description_without_one_of_its_fields_is_refused_by_name(string field)
    {
        string lacking = H200.Json.Replace($"\"{field}\"", "\"another\"");
        string path = _folder.With("gpu.json", System.Text.Encoding.UTF8.GetBytes(lacking));
        Assert.Contains($"{path}: it lacks \"{field}\"", Assert.Throws<FileFormatException>(() => GpuDescription.Read(path)).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("\"h200\"")]
    [InlineData("{\"deviceVer\": 900}")]
    public void Text_that_is_no_description_is_refused_in_one_line(string text)
    {
        string path = _folder.With("gpu.json", System.Text.Encoding.UTF8.GetBytes(text));
        Assert.DoesNotContain('\n', Assert.Throws<FileFormatException>(() => GpuDescription.Read(path)).Message);
        Assert.Contains("no such file", Assert.Throws<FileFormatException>(() => GpuDescription.Read(_folder["none.json"])).Message);
    }

    [Fact]
    public void Described_gpus_come_with_the_program_and_every_version_takes_them()
    {
        Assert.Equal(["a100", "h100", "h200", "l40s"], GpuDescription.Names);
        _gpu.Cudnn.Version = 92801;
        Cudnn cudnn = _gpu.Cudnn.Table();
        foreach (string name in GpuDescription.Names)
            new CudnnSession(cudnn, GpuDescription.Read($"{name}.json")).Dispose();
        Assert.Equal(3, GpuDescription.Names.Select(name => GpuDescription.Read(name).Identity).Distinct().Count());
        Assert.Empty(_gpu.Cudnn.Misuse);
        Assert.Equal(0, _gpu.Cudnn.LiveDescriptors);
    }

    /// <summary>The fake is as strict as the library: what it takes is what the real one takes.</summary>
    [Fact]
    public void The_fake_refuses_a_wrong_type_a_missing_zero_and_a_wrong_order()
    {
        using var descriptors = new Descriptors(_gpu.Cudnn.Table());
        nint Properties() => descriptors.New(cudnnBackendDescriptorType.CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        const cudnnBackendAttributeName Json = cudnnBackendAttributeName.CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION;
        nint described = Properties();
        descriptors.SetText(described, Json, System.Text.Encoding.UTF8.GetBytes(H200.Json));
        Assert.Throws<CudnnException>(() => descriptors.Finish(described));
        nint typed = Properties();
        descriptors.Set<byte>(typed, Json, cudnnBackendAttributeType.CUDNN_TYPE_BOOLEAN, Utf8.Write(H200.Json));
        Assert.Throws<CudnnException>(() => descriptors.Finish(typed));
        nint good = Properties();
        descriptors.SetText(good, Json, Utf8.Write(H200.Json));
        descriptors.Finish(good);

        var unit = NetworkUnits.At(Precision.TensorFloat32).First();
        nint graph = new ConvolutionGraph(descriptors, unit).Single(0);
        nint heuristic = descriptors.New(cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
        descriptors.SetParts(heuristic, cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, good);
        descriptors.SetParts(heuristic, cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
        descriptors.Set(heuristic, cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_MODE, cudnnBackendAttributeType.CUDNN_TYPE_HEUR_MODE,
            cudnnBackendHeurMode.CUDNN_HEUR_MODE_A);
        Assert.Throws<CudnnException>(() => descriptors.Finish(heuristic));
        Assert.Equal(3, _gpu.Cudnn.Misuse.Count);
    }

    private PackReport Build(string model, Precision precision, params int[] batches) => PlanPacker.Build(_gpu.Libraries(), new CacheFolder(null), H200,
        PlanPacking.Of(model), model, batches, precision, new SearchLimits(), _folder["plans.bin"], (_, _) => { }, TestContext.Current.CancellationToken);

    private static string Changed(string field, string value) =>
        System.Text.RegularExpressions.Regex.Replace(H200.Json, $"\"{field}\": \\d+", $"\"{field}\": {value}");

    private static void Convolve(CudaBackend backend)
    {
        using var numbers = new Engine.TestTensors(backend);
        backend.Convolution(
            numbers.Empty(new(2, 8, 8, 16)), numbers.Empty(new(16, 3, 3, 16)), null, null, false, new(3, 1, 1), numbers.Empty(new(2, 8, 8, 16)));
    }
}
