using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Weights;
using Xunit;
using static Tests.Weights.Fixture;

namespace Tests.Weights;

/// <summary>Checkpoints of training: the network's tensors are found at any depth, whatever else the file contains.</summary>
public sealed class CheckpointTests : IDisposable
{
    private static readonly string[] ResNet = ["conv1.weight", "bn1.weight", "bn1.running_mean", "bn1.num_batches_tracked",
        "layer1.0.conv1.weight", "layer4.2.bn3.bias", "fc.weight", "fc.bias"];

    private static readonly string[] Vgg = ["features.0.weight", "features.0.bias", "features.2.weight", "classifier.0.weight", "classifier.6.bias"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("torchvision.pth", null, 100, "checkpoint[\"model\"], prefix \"module.\"", "checkpoint[\"model_ema\"], prefix \"module.\"")]
    [InlineData("torchvision.legacy.pth", null, 100, "checkpoint[\"model\"], prefix \"module.\"", "checkpoint[\"model_ema\"], prefix \"module.\"")]
    [InlineData("torchvision.pth", "model_ema", 200, "checkpoint[\"model_ema\"], prefix \"module.\"", "checkpoint[\"model\"], prefix \"module.\"")]
    [InlineData("imagenet.pth", null, 300, "checkpoint[\"state_dict\"], prefix \"module.\"", "")]
    [InlineData("timm.pth", null, 400, "checkpoint[\"state_dict\"]", "checkpoint[\"state_dict_ema\"]")]
    [InlineData("timm.pth", "_ema", 500, "checkpoint[\"state_dict_ema\"]", "checkpoint[\"state_dict\"]")]
    [InlineData("lightning.pth", null, 600, "checkpoint[\"state_dict\"], prefix \"net._orig_mod.model.\"", "")]
    [InlineData("swa.pth", null, 800, "prefix \"module._orig_mod.\"", "")]
    public void The_network_is_found_in_a_checkpoint_of_training(string file, string? part, int start, string unwrapped, string alternatives)
    {
        using StateDict dict = StateDict.Open(Fixture.Path(file), part);
        Assert.Equal(ResNet, dict.Entries.Select(entry => entry.Name));
        Assert.All(dict.Entries.Index(), entry => Assert.Equal([start + entry.Index, start + entry.Index + 0.5f], entry.Item.Read()));
        Assert.Equal(unwrapped, string.Join(", ", dict.Unwrapped));
        Assert.Equal(alternatives, string.Join("; ", dict.Alternatives));
    }

    [Fact]
    public void Wrappers_inside_names_are_removed()
    {
        using StateDict dict = StateDict.Open(Fixture.Path("vgg_parallel.pth"));
        Assert.Equal(Vgg, dict.Entries.Select(entry => entry.Name));
        Assert.Equal([704f, 704.5f], dict["classifier.6.bias"].Read());
        Assert.Equal("checkpoint[\"state_dict\"], \"module.\" inside of names", string.Join(", ", dict.Unwrapped));
    }

    [Fact]
    public void A_module_that_was_pickled_whole_gives_its_state_dict()
    {
        using StateDict dict = StateDict.Open(Fixture.Path("model.pth"));
        Assert.Equal(["bn1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "fc.weight"], dict.Entries.Select(entry => entry.Name));
        Assert.Equal([900f, 901, 902, 903], dict.Entries.Select(entry => entry.Read()[0]));
        Assert.Equal(["checkpoint[\"model\"]", "module"], dict.Unwrapped);
        Assert.Contains("project.models.Block", dict.Unknown);
    }

    [Fact]
    public void What_is_skipped_is_named()
    {
        using StateDict torchvision = StateDict.Open(Fixture.Path("torchvision.pth"));
        Assert.Equal(["checkpoint[\"optimizer\"] (dict)", "checkpoint[\"lr_scheduler\"] (dict)", "checkpoint[\"epoch\"] (int)",
            "checkpoint[\"args\"] (argparse.Namespace)", "checkpoint[\"scaler\"] (dict)", "checkpoint[\"model_ema\"] (dict)"], torchvision.Skipped);
        Assert.Equal(["argparse.Namespace", "collections.Counter"], torchvision.Unknown.Order());

        using StateDict timm = StateDict.Open(Fixture.Path("timm.pth"));
        Assert.Contains("checkpoint[\"metric\"] (numpy.core.multiarray.scalar)", timm.Skipped);

        using StateDict lightning = StateDict.Open(Fixture.Path("lightning.pth"));
        Assert.Equal(["criterion.weight", "metric.total"], lightning.LeftOut);
        Assert.Contains("checkpoint[\"hyper_parameters\"] (lightning_fabric.utilities.data.AttributeDict)", lightning.Skipped);

        using StateDict swa = StateDict.Open(Fixture.Path("swa.pth"));
        Assert.Equal(["n_averaged"], swa.LeftOut);
    }

    [Theory]
    [InlineData("model.", "model_ema.", "model.")]                   // an EMA beside the trained weights
    [InlineData("ema.module.", "model.", "model.")]
    [InlineData("shadow.", "net.", "net.")]
    [InlineData("teacher.backbone.", "student.backbone.", "student.backbone.")]
    [InlineData("", "averaged.", "")]
    [InlineData("modelEma.", "module._orig_mod.module.", "module._orig_mod.module.")]
    [InlineData("a.", "b.", "a.")]
    [InlineData("schema.", "b.", "schema.")]                         // "ema" within a word is none
    public void Of_two_networks_in_one_mapping_the_trained_comes_before_its_average(string first, string second, string taken)
    {
        using StateDict dict = Names([.. ResNet.Select(name => first + name), .. ResNet.Select(name => second + name)]);
        Assert.Equal(ResNet, dict.Entries.Select(entry => entry.Name));
        Assert.Equal(taken.Length > 0 ? [$"prefix \"{taken}\""] : [], dict.Unwrapped);
        Assert.Single(dict.Alternatives);
        Assert.Equal(ResNet.Length, dict.LeftOut.Count);
    }

    [Theory]
    [InlineData("module.", "")]
    [InlineData("_orig_mod.module.", "")]
    [InlineData("model.module._orig_mod.", "")]
    [InlineData("a.b.c.d.e.f.", "")]
    [InlineData("", "module.")]
    [InlineData("backbone.module.", "_orig_mod.")]
    public void Prefixes_are_removed_in_any_order_and_depth(string before, string inside)
    {
        using StateDict resnet = Names([.. ResNet.Select(name => $"{before}{name.Replace("layer1.", $"layer1.{inside}")}")]);
        Assert.Equal(ResNet, resnet.Entries.Select(entry => entry.Name));
        using StateDict vgg = Names([.. Vgg.Select(name => $"{before}{name.Replace("features.", $"features.{inside}")}")]);
        Assert.Equal(Vgg, vgg.Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void A_whole_network_comes_before_a_part_of_one()
    {
        string part = Mapping("layer1.0.conv1.weight"), whole = Mapping([.. ResNet]);
        using StateDict dict = Open(Pickle("}", Text("backbone"), part, "s", Text("deep"), "}", Text("er"), whole, "ss."));
        Assert.Equal("checkpoint[\"deep\"][\"er\"]", Assert.Single(dict.Unwrapped));
        Assert.Equal(ResNet.Length, dict.Entries.Count);
    }

    [Fact]
    public void Lists_tuples_and_attributes_are_searched()
    {
        string[] places =
        [
            $"]K\u0001a{Mapping(ResNet)}a",                                            // [1, {...}]
            $"(K\x01{Mapping(ResNet)}t",                                             // (1, {...})
            $"cproject\nTrainer\n)\u0081}}{Text("net")}{Mapping(ResNet)}sb",         // an object with an attribute
            $"cproject\nmake\n({Mapping(ResNet)}tR",                                 // the argument of a function
            $"cproject\nDict\n)\u0081{Text("net")}{Mapping(ResNet)}s",               // a subclass of dict
            $"cproject\nList\n)\u0081{Mapping(ResNet)}a",                            // a subclass of list
            $"cproject\nDict\n)}}\u0092{Text("net")}{Mapping(ResNet)}s",             // made with arguments by keyword
        ];
        foreach (string place in places)
        {
            using StateDict dict = Open(Pickle("\u0080\x02", place, "."));
            Assert.Equal(ResNet, dict.Entries.Select(entry => entry.Name));
        }
    }

    [Fact]
    public void Where_nothing_fits_a_network_the_largest_mapping_is_taken()
    {
        using StateDict dict = Open(Pickle("}", Text("best"), Mapping("a"), "s", Text("weights"), Mapping("x", "y", "z"), "s."));
        Assert.Equal(["x", "y", "z"], dict.Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void A_missing_part_is_reported_with_the_existing_ones()
    {
        var error = Assert.Throws<FileFormatException>(() => StateDict.Open(Fixture.Path("torchvision.pth"), "teacher"));
        Assert.Contains("under 'teacher'; it holds checkpoint[\"model\"], prefix \"module.\"; checkpoint[\"model_ema\"]", error.Message);
    }

    [Fact]
    public void A_name_that_two_tensors_come_to_have_is_refused()
    {
        Assert.Contains("two tensors named 'features.0.weight'", Assert.Throws<FileFormatException>(
            () => Names(["features.0.weight", "features.module.0.weight", "classifier.0.weight"])).Message);
    }

    [Fact]
    public void A_tensor_of_an_unknown_kind_is_named_where_the_network_needs_it()
    {
        string quantised = "ctorch._utils\n_rebuild_qtensor\n)R";
        string[] names = [.. Architecture.Named("resnet18").StateDict.Names.Where(name => name != "fc.bias")];
        using StateDict dict = Open(Pickle(Mapping(names), Text("fc.bias"), quantised, "s."));
        Assert.Equal(["fc.bias (torch._utils._rebuild_qtensor)"], dict.LeftOut);
        using var backend = new global::Iba.Engine.Backends.Cpu.CpuBackend();
        Assert.Contains("missing: fc.bias (torch._utils._rebuild_qtensor)\n",
            Assert.Throws<FileFormatException>(() => NetworkBuilder.Check(dict, backend)).Message);
    }

    [Theory]
    [InlineData("torchvision.pth")]
    [InlineData("imagenet.pth")]
    [InlineData("lightning.pth")]
    public void A_checkpoint_with_less_than_a_network_is_not_converted(string file)
    {
        using StateDict dict = StateDict.Open(Fixture.Path(file));
        Assert.Contains("fit no known network", Assert.Throws<FileFormatException>(() => Conversion.Write(dict, _folder["a"])).Message);
        Assert.Empty(_folder.Files);
    }

    /// <summary>The golden network's own pickle, as one value of a checkpoint that has an average of it, arguments and a best accuracy, too.</summary>
    [Fact]
    public void A_network_within_a_checkpoint_is_converted_whole()
    {
        using StateDict plain = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        using var zip = new System.IO.Compression.ZipArchive(File.OpenRead(Golden.Path("resnet50-narrow.pth")));
        var entries = zip.Entries.Select(entry => (entry.FullName, Data: Data(entry))).ToList();
        int at = entries.FindIndex(entry => entry.FullName.EndsWith("data.pkl", StringComparison.Ordinal));
        string dict = System.Text.Encoding.Latin1.GetString(entries[at].Data)[2..^1];
        byte[] pickle = Pickle(
            "\u0080\x02}", Text("best_acc1"), Tensor("0", FirstStorage(entries), Integer(0), Integer(1), Integer(1)), "s",
            Text("args"), "cargparse\nNamespace\n)\u0081}b", "s", Text("state_dict"), dict, "s.");
        entries[at] = (entries[at].FullName, pickle);

        using StateDict wrapped = StateDict.Open(_folder.With("checkpoint.pth", Zip([.. entries])));
        Conversion.Write(wrapped, _folder["a"]);
        using StateDict converted = StateDict.Open(_folder["a"]);
        Assert.Equal(plain.Entries.Select(entry => entry.Name), converted.Entries.Select(entry => entry.Name));
        Assert.All(plain.Entries, entry => Assert.Equal(entry.ReadBytes(), converted[entry.Name].ReadBytes()));

        static byte[] Data(System.IO.Compression.ZipArchiveEntry entry)
        {
            using Stream stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return bytes.ToArray();
        }

        static long FirstStorage(List<(string Name, byte[] Data)> entries) =>
            entries.First(entry => entry.Name.EndsWith("data/0", StringComparison.Ordinal)).Data.Length / sizeof(float);
    }

    private StateDict Open(byte[] pickle) => Fixture.Open(_folder, pickle, ("0", new byte[12]));

    private StateDict Names(string[] names) => Open(Pickle(Mapping(names), "."));

    /// <summary>A dictionary of tensors, all with the same three elements.</summary>
    private static string Mapping(params string[] names) =>
        "}" + string.Concat(names.Select(name => Text(name) + Tensor("0", 3, Integer(0), Integer(3), Integer(1)) + "s"));
}
