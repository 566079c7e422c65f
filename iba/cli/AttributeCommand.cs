using System.CommandLine;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Methods;
using Iba.Statistics;
using Iba.Weights;

namespace Iba.Cli;

/// <summary><c>iba attribute</c>: which pixels a classification depends on, in bits per pixel.</summary>
internal static class AttributeCommand
{
    /// <summary>Images fitted together where there are many: their weights are read once for all of them.</summary>
    private const int DefaultBatch = 4;

    /// <summary>Upper bounds against typing errors, which would otherwise take hours or all memory.</summary>
    private const int MostSteps = 1_000_000, MostCopies = 10_000, MostBatch = 4096, MostSeeds = 1000;

    public static Command Create()
    {
        var defaults = new BottleneckSettings();
        var images = Validators.Photos(NamedPhotos.Words + " With none, a demo network explains the photo that comes with it.", ArgumentArity.ZeroOrMore);
        var method = new Option<string>("--method")
        {
            Description = $"How to explain: {string.Join(", ", AttributionMethods.All.Select(kind => kind.Name))}.",
            DefaultValueFactory = _ => AttributionMethods.PerSample,
            HelpName = "NAME",
        };
        var layer = new Option<string?>("--layer")
        {
            Description = "The bottleneck's layer. Default: the layer of the statistics, or else layer2 for ResNets and the first convolution of the fourth "
                + "group for VGGs.",
            HelpName = "NAME",
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Updates of the mask.",
            DefaultValueFactory = _ => defaults.Steps,
            CustomParser = Number.Between(1, MostSteps).Parse,
        };
        var copies = new Option<int>("--copies")
        {
            Description = "Noise samples per image and step.",
            DefaultValueFactory = _ => defaults.Copies,
            CustomParser = Number.Between(1, MostCopies).Parse,
        };
        var learningRate = new Option<float>("--learning-rate")
        {
            Description = "Adam's step size.",
            DefaultValueFactory = _ => defaults.LearningRate,
            CustomParser = (Number.Above(0f) with { Most = (float)Setting.MostLearningRate }).Parse,
        };
        Option<double> sigma = CommonOptions.Sigma();
        var reluRms = new Option<bool>("--relu-rms")
        {
            Description = "Noise as in the paper's own code for ResNet-50: mean 0, root mean square of the active images as deviation, features clamped to "
                + "at least 0.",
        };
        var afterLast = new Option<bool>("--after-last-update")
        {
            Description = "Show the mask after the last update. The reference implementation shows the one before it.",
        };
        var batch = new Option<int?>("--batch")
        {
            Description = $"Images per batch. Default: {DefaultBatch}, or fewer if there are fewer.",
            CustomParser = Number.Between(1, MostBatch).Optional,
        };
        var seeds = new Option<int>("--seeds")
        {
            Description = "Explain with this many seeds, starting at --seed: the map is their mean, and the data file also has their standard deviation.",
            DefaultValueFactory = _ => 1,
            CustomParser = Number.Between(1, MostSeeds).Parse,
        };
        var output = new Option<string>("--out")
        {
            Description = "Folder for NAME.iba.safetensors, NAME.iba.png and NAME.iba.html.",
            DefaultValueFactory = _ => ".",
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var fullPhoto = new Option<bool>("--full-photo") { Description = "Draw the map on the whole photo instead of the network's crop." };
        var scale = new Option<double?>("--scale")
        {
            Description = "Upper end of the colour bar in bits per pixel, to compare pictures. Default: the map's largest value.",
            CustomParser = Number.Above(0.0).Optional,
        };
        var mapOnly = new Option<bool>("--map-only") { Description = "Also draw the map alone, without the photo: NAME.iba.map.png." };
        var npy = new Option<bool>("--npy") { Description = "Also write the map for NumPy: NAME.iba.npy, float32, H x W." };
        var report = new Option<string?>("--report")
        {
            Description = "One page for all photos, or an index and a page for each where that would be too large. Default: a page for each, "
                + "NAME.iba.html in --out.",
            HelpName = "FILE",
            Validators = { Validators.FileToWrite() },
        };
        var noReport = new Option<bool>("--no-report") { Description = "Write no page." };
        Option<bool> json = CommonOptions.Json();
        var methodOptions = new MethodOptions
        {
            MarginTo = new("--margin-to")
            {
                Description = "Explain what makes it the target rather than this class: minus the difference of their logits takes the place of the "
                    + "cross-entropy. It has no bound, so that --beta 100 is as strict as 10 is otherwise.",
                HelpName = "CLASS",
            },
        };
        var networkOptions = new NetworkOptions();
        var command = new Command("attribute", "Show which pixels a classification depends on, in bits per pixel.")
        {
            images, method, layer, steps, copies, learningRate, sigma, reluRms, afterLast, batch, seeds, output, fullPhoto, scale, mapOnly, npy, report,
            noReport, json,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            BottleneckSettings settings = methodOptions.Bottleneck(parsed) with
            {
                Steps = parsed.GetValue(steps),
                Copies = parsed.GetValue(copies),
                LearningRate = parsed.GetValue(learningRate),
                Sigma = parsed.GetValue(sigma),
                Spread = parsed.GetValue(reluRms) ? Spread.ReluRms : Spread.Standard,
                FinalMap = parsed.GetValue(afterLast) ? FinalMap.AfterLastUpdate : FinalMap.BeforeLastUpdate,
            };
            settings.Check();
            MethodKind kind = AttributionMethods.Find(parsed.GetValue(method)!);
            bool restricts = kind.Needs == MethodNeeds.Statistics;
            Option[] ofPerSample = [layer, steps, copies, learningRate, sigma, reluRms, afterLast, .. methodOptions.OfPerSample];
            if (!restricts && ofPerSample.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } ignored)
            {
                throw new UsageException($"{ignored.Name}: the method {kind.Name} does not use it, only {AttributionMethods.PerSample} does. "
                    + $"Leave it out, or give --method {AttributionMethods.PerSample}.");
            }
            int several = parsed.GetValue(seeds);
            if (several > 1 && !kind.IsRandom)
                throw new UsageException($"--seeds {several}: the map of {kind.Name} is the same for every seed. Leave it out.");
            if (parsed.GetValue(noReport) && parsed.GetValue(report) is not null)
                throw new UsageException("--report and --no-report exclude each other: give one of them.");
            string[] names = parsed.GetValue(images)!;
            string? fallback = names.Length == 0 ? Demo.Networks[0] : null;
            string? demo = networkOptions.DemoNetwork(parsed, fallback);
            if (names.Length == 0 && demo is null)
                throw new UsageException("no photo was given. Name some, or leave --model and --weights out to see the demo.");
            methodOptions.Check(parsed, [kind], networkOptions.KnownLabels(parsed, fallback), demo is not null);
            PhotoSet photos = NamedPhotos.Some(names.Length == 0 ? [Folders.DemoFile(Demo.Sample)] : names, parsed.GetValue(json));
            PhotoSet? learntFrom = methodOptions.Photos(parsed);
            int perBatch = Math.Min(parsed.GetValue(batch) ?? DefaultBatch, photos.Files.Count);

            using LoadedNetwork loaded = networkOptions.Load(parsed, fallback, several: true, WarmUp.Begin);
            (int? target, LogitLoss loss) = methodOptions.Asked(parsed, loaded.Labels, loaded.Classes);
            FeatureStatistics? learnt = restricts ? methodOptions.Statistics(parsed, loaded, learntFrom).At(parsed.GetValue(layer), settings) : null;
            using ReadoutSource? masks = kind.Needs == MethodNeeds.Readout ? methodOptions.Readout(parsed, loaded) : null;
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks, perBatch) with
            {
                Statistics = learnt ?? masks?.Network.Statistics.First,
                Bottleneck = masks?.Network.Settings.Bottleneck ?? settings,
                Seed = masks?.Network.Settings.Seed ?? settings.Seed,
                Loss = loss,
                Checks = true,
            };
            var files = new AttributionFiles(loaded, inputs, kind, parsed.GetValue(output)!, parsed.GetValue(fullPhoto), parsed.GetValue(scale))
            {
                ExtraMetadata = masks?.Facts ?? [],
                MapOnly = parsed.GetValue(mapOnly),
                Npy = parsed.GetValue(npy),
                Pages = !parsed.GetValue(noReport) && parsed.GetValue(report) is null,
                Report = parsed.GetValue(report),
            };
            List<IDisposable> owned = [];
            try
            {
                List<IAttributionMethod> explains = [Method(inputs)];
                foreach (Network twin in loaded.Twins)
                    explains.Add(Method(On(twin)));
                var run = new AttributionRun(loaded, explains, files, restricts ? settings.Steps : 1, parsed.GetValue(json));
                return (int)photos.Outcome(run.Explain([.. photos.Files.Select(file => file.Path)], target, perBatch));
            }
            finally
            {
                for (int last = owned.Count - 1; last >= 0; last--)
                    owned[last].Dispose();
                files.Finish();
            }

            MethodInputs On(Network twin)
            {
                ReadoutSource? there = masks is null ? null : methodOptions.Readout(parsed, loaded with { Network = twin });
                if (there is not null)
                    owned.Add(there);
                return inputs with { Network = twin, Readout = there is null ? null : there.Method };
            }

            IAttributionMethod Method(MethodInputs from)
            {
                IAttributionMethod made = several > 1 ? new SeedEnsemble(kind, from, several) : kind.Create(from);
                owned.Add(made);
                if (made is PerSampleBottleneck fits && !parsed.GetValue(noReport))
                    fits.KeepsAfter = EvolutionStep.UpdatesOf(settings);
                return made;
            }
        });
        return command;
    }
}
