using System.CommandLine;
using System.Globalization;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Explaining;
using Iba.Images;
using Iba.Labels;
using Iba.Weights;

namespace Iba.Cli;

/// <summary>The options for the network, the device and the preprocessing.</summary>
internal sealed class NetworkOptions
{
    private static readonly string Known = string.Join(", ", [.. Catalogue.Entries.Select(entry => entry.Name), .. Demo.Networks]);

    private readonly Option<string?> _model = new("--model") { Description = $"One of {Known}. Default: recognised from the weights.", HelpName = "NAME" };
    private readonly Option<string?> _weights = new("--weights")
    {
        Description = $"A .pth or .safetensors file with torchvision's keys: {Architecture.Names}.",
        HelpName = "FILE",
        Validators = { Validators.FileToRead("get one with: iba weights fetch NAME") },
    };
    private readonly Option<string?> _part = StateDictOption();
    private readonly Option<bool> _allowNonFinite = new("--allow-non-finite")
    {
        Description = "Accept weights that are NaN or infinite, to study their effect.",
    };
    private readonly DeviceOptions _device = new();
    private readonly Option<int?> _size = new("--size")
    {
        Description = "Rows and columns of the network's input, cropped at the photo's centre. Default: that of the weights, 224.",
        CustomParser = Number.Between(32, 4096).Optional,
    };
    private readonly Option<int?> _resize = new("--resize")
    {
        Description = "Size in pixels to which the photo's shorter side is resized first. Default: that of the weights, such as 256 for a size of 224, in "
            + "proportion.",
        CustomParser = Number.Between(1, 65536).Optional,
    };
    private readonly Option<float[]?> _mean = new("--mean")
    {
        Description = "Mean that is subtracted from red, green and blue in 0 to 1. Default: that of the weights, such as ImageNet's 0.485,0.456,0.406.",
        HelpName = "R,G,B",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = Number.Between(0f, 1f).List,
    };
    private readonly Option<float[]?> _std = new("--std")
    {
        Description = "Standard deviation by which red, green and blue are then divided. Default: that of the weights, such as ImageNet's 0.229,0.224,0.225.",
        HelpName = "R,G,B",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = (Number.Above(0f) with { Most = 1 }).List,
    };
    private readonly Option<string?> _labels = new("--labels")
    {
        Description = "A text file with one class name per line. Default: ImageNet's names for 1000 classes, the demo networks' own for these.",
        HelpName = "FILE",
        Validators = { Validators.FileToRead("leave --labels out for the default.") },
    };
    private readonly Option<bool> _rotate = new("--exif-rotate") { Description = "Apply the EXIF orientation of photos, which torchvision ignores." };
    private (ParseResult? Parsed, ClassLabels? Labels) _given;

    /// <inheritdoc cref="DeviceOptions.CheckFinite"/>
    public Option<bool> CheckFinite => _device.CheckFinite;

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_model, _weights, _part, _allowNonFinite, _size, _resize, _mean, _std, _labels, _rotate])
            command.Add(option);
        _device.AddTo(command);
    }

    /// <summary>Whether the command line leaves it to the program which network to run.</summary>
    public bool NamesNone(ParseResult parsed) => parsed.GetValue(_model) is null && parsed.GetValue(_weights) is null;

    /// <summary>The demo network that is to be loaded; null where it is another one.</summary>
    public string? DemoNetwork(ParseResult parsed, string? fallback = null)
    {
        string? model = NamesNone(parsed) ? fallback : parsed.GetValue(_model);
        return parsed.GetValue(_weights) is null && Demo.Networks.Contains(model) ? model : null;
    }

    /// <summary>The names of the classes, where they are known before the network is; null where its weights decide.</summary>
    public ClassLabels? KnownLabels(ParseResult parsed, string? fallback = null) =>
        GivenLabels(parsed) is { } given ? given
        : DemoNetwork(parsed, fallback) is not null ? ClassLabels.Read(Folders.DemoFile(Demo.Classes))
        : parsed.GetValue(_weights) is null ? ClassLabels.ImageNet : null;

    /// <summary>The labels that --labels names, read once: a pipe gives its lines only once.</summary>
    private ClassLabels? GivenLabels(ParseResult parsed)
    {
        if (parsed.GetValue(_labels) is not { } file)
            return null;
        if (_given.Parsed != parsed)
            _given = (parsed, ClassLabels.Read(file, Interrupt.Token));
        return _given.Labels;
    }

    /// <summary>The class that --target names.</summary>
    public static int Class(string text, ClassLabels labels, int classes)
    {
        try
        {
            return labels.Class(text, classes);
        }
        catch (ArgumentException mistake)
        {
            throw new UsageException($"--target {text}: {mistake.Message}");
        }
    }

    /// <summary>Which of a checkpoint's networks is meant.</summary>
    public static Option<string?> StateDictOption() => new("--state-dict")
    {
        Description = "Which of several state dicts in a checkpoint: the one whose name or prefix contains this text, such as model_ema. "
            + "Default: the trained one, not an average.",
        HelpName = "TEXT",
    };

    /// <summary>Opens the weights and builds the network.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="fallback">The model where it names neither model nor weights, or null if it must.</param>
    /// <param name="several">Whether the command takes several devices.</param>
    /// <param name="opened">Called with the first device before the weights are read.</param>
    public LoadedNetwork Load(ParseResult parsed, string? fallback = null, bool several = false, Action<IBackend>? opened = null)
    {
        string? model = NamesNone(parsed) ? fallback : parsed.GetValue(_model);
        string? demo = DemoNetwork(parsed, fallback);
        PerChannel? mean = Channels(parsed, _mean), std = Channels(parsed, _std);
        string path = parsed.GetValue(_weights) ?? (demo is null ? FetchedWeights(model) : Folders.DemoFile(Demo.Weights(demo)));
        DeviceChoice choice = _device.Choice(parsed);
        IReadOnlyList<IBackend> backends = several ? choice.OpenAll() : [choice.Open()];
        try
        {
            opened?.Invoke(backends[0]);
            using StateDict weights = StateDict.Open(path, parsed.GetValue(_part), Interrupt.Token);
            if (weights.Alternatives.Count > 0)
            {
                Terminal.Say($"{path}: took {string.Join(", ", weights.Unwrapped)}. "
                    + $"--state-dict TEXT takes another: {string.Join("; ", weights.Alternatives)}.");
            }
            Network[] networks =
                [.. backends.Select(backend => NetworkBuilder.Build(weights, backend, parsed.GetValue(_allowNonFinite), Interrupt.Token))];
            Network network = networks[0];
            if (model is not null && demo is null && (Catalogue.Find(model)?.Architecture ?? model) != network.Name)
                throw new UsageException($"--model {model}: {path} holds the weights of {network.Name}. Leave --model out, or give other weights.");

            string sha256 = weights.Sha256(Interrupt.Token);
            InputTransform? known = demo is null ? (Catalogue.Of(weights, sha256) ?? Catalogue.Find(model ?? ""))?.Input : Demo.Input;
            Preprocessing preprocessing = Prepared(known ?? InputTransform.ImageNet, parsed.GetValue(_size), parsed.GetValue(_resize), mean, std);
            if (known is null && (parsed.GetValue(_resize) is null || mean is null || std is null))
                Terminal.Say($"{path}: not known by hash or name, so photos are prepared by {preprocessing}. --size, --resize, --mean and --std change that.");
            int classes = network.Output(new Shape(1, preprocessing.Size, preprocessing.Size, 3)).C;
            if (classes == 1)
                Terminal.Say("the network has one output: its probability is the output's sigmoid, and class 0 is the positive class.");
            string? labels = parsed.GetValue(_labels) ?? (demo is null ? null : Folders.DemoFile(Demo.Classes));
            return new LoadedNetwork(network)
            {
                Demo = demo,
                Twins = networks[1..],
                Preprocessing = preprocessing,
                Labels = labels is null ? ClassLabels.For(classes) : (GivenLabels(parsed) ?? ClassLabels.Read(labels)).OneFor(classes, labels),
                WeightsSha256 = sha256,
                Rotate = parsed.GetValue(_rotate),
            };
        }
        catch
        {
            foreach (IBackend backend in backends)
                backend.Dispose();
            throw;
        }
    }

    /// <summary>What the command line makes of the preprocessing that belongs to the weights.</summary>
    private static Preprocessing Prepared(InputTransform input, int? size, int? resize, PerChannel? mean, PerChannel? std)
    {
        Preprocessing usual = Explainer.Prepared(input);
        return usual with
        {
            Crop = size ?? usual.Crop,
            Resize = resize ?? (int)((long)(size ?? usual.Crop) * usual.Resize / usual.Crop),
            Mean = mean ?? usual.Mean,
            Std = std ?? usual.Std,
        };
    }

    /// <summary>The three numbers of an option, or null where it was not given.</summary>
    private static PerChannel? Channels(ParseResult parsed, Option<float[]?> option) => parsed.GetValue(option) switch
    {
        null or [] => null,
        [var red, var green, var blue] => new PerChannel(red, green, blue),
        var numbers => throw new UsageException(string.Create(CultureInfo.InvariantCulture,
            $"{option.Name}: it must be three numbers, for red, green and blue, such as 0.5,0.5,0.5, not {numbers.Length}. "
            + $"Divide numbers for colours up to 255 by 255.")),
    };

    private static string FetchedWeights(string? model)
    {
        if (model is null)
        {
            throw new UsageException(
                $"no weights were given. Give --weights FILE, --model {Demo.Networks[0]}, or --model resnet50 after: iba weights fetch resnet50");
        }
        PublishedWeights published = Catalogue.Find(model)
            ?? throw new UsageException($"--model {model}: known are {Known}.");
        string path = Path.Combine(Folders.Weights, published.FileName);
        return File.Exists(path) ? path : throw new UsageException(
            $"--model {model}: its weights are not here yet ({path}). Run: iba weights fetch {model}, or give --weights FILE");
    }
}

/// <summary>The network of a command line. It owns its backend, and those of its twins.</summary>
internal sealed record LoadedNetwork(Network Network) : Classifier(Network), IDisposable
{
    /// <summary>The demo network that it is, or null.</summary>
    public string? Demo { get; init; }

    /// <summary>The same network on further devices.</summary>
    public IReadOnlyList<Network> Twins { get; init; } = [];

    /// <summary>A class given by number, name or WordNet id.</summary>
    public int Class(string text) => NetworkOptions.Class(text, Labels, Classes);

    /// <summary>Reads a photo that the command line names, which may be the bytes on standard input.</summary>
    /// <param name="path">The file, or <see cref="PhotoSet.StandardInput"/>.</param>
    /// <param name="keepsFile">Whether the whole photo will be drawn: its file is kept then, not its pixels, which are far more.</param>
    /// <exception cref="ImageException">The file cannot be read as one.</exception>
    public PreparedPhoto Read(string path, bool keepsFile = false) => path == PhotoSet.StandardInput
        ? Read(PhotoFile.Open(NamedPhotos.StandardInput, path), keepsFile, Interrupt.Token)
        : Read(path, keepsFile, Interrupt.Token);

    public void Dispose()
    {
        foreach (Network each in (IEnumerable<Network>)[Network, .. Twins])
            each.Backend.Dispose();
    }
}

/// <summary>Where files that can be made again are kept.</summary>
internal static class Folders
{
    private static string Cache => Path.Combine(
        Environment.GetEnvironmentVariable("IBA_CACHE") is { Length: > 0 } chosen ? chosen
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "iba"));

    public static string Weights => Path.Combine(Cache, "weights");

    public static string Images => Path.Combine(Cache, "images");

    /// <summary>The path of a file that comes with the program.</summary>
    public static string DemoFile(string name) => Demo.Extract(name, Path.Combine(Cache, "demo"));

    public static string Statistics => Path.Combine(Cache, "statistics");
}
