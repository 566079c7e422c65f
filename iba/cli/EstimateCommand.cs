using System.CommandLine;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary><c>iba estimate</c>: the distribution of a layer's features over a folder of images. <c>iba estimate merge</c>: from parts of it.</summary>
internal static class EstimateCommand
{
    public static Command Create()
    {
        Option<string[]> images = CommonOptions.Images();
        Option<string> output = CommonOptions.Output("The statistics file to write. With --shard 2/8 the part goes to FILE-2-of-8.");
        var layer = new Option<string?>("--layer")
        {
            Description = "The bottleneck's layer. Default: layer2 for ResNets, the first convolution of the fourth group for VGGs.",
            HelpName = "NAME",
        };
        Option<int> samples = CommonOptions.Samples(FeatureStatistics.UsualSamples);
        Option<Shard> shard = CommonOptions.Shard(
            "Estimate from a part of the images, such as 2/8, to be joined with the others by iba estimate merge; auto takes the part from Slurm, Open MPI, or "
            + "with auto/8 from Kubernetes.");
        var networkOptions = new NetworkOptions();
        var command = new Command("estimate", "Estimate the distribution of a layer's features from a folder of images. The work is saved to FILE.partial "
            + "every minute and when it is stopped, and the same command continues it.")
        {
            images, output, layer, samples, shard, Merge(),
        };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            CommonOptions.TellUnusedShard(parsed, shard);
            PhotoSet photos = NamedPhotos.Images(parsed.GetValue(images)!);
            using LoadedNetwork loaded = networkOptions.Load(parsed);
            string path = parsed.GetValue(output)!;
            PartialStatistics Run(string? state) => Estimate(
                loaded, photos, parsed.GetValue(layer) ?? loaded.DefaultLayer, state, parsed.GetValue(shard), parsed.GetValue(samples));
            if (parsed.GetValue(shard) is { } of)
            {
                // Its name follows from the part, because a job engine gives all processes the same command line.
                string file = Path.Combine(
                    Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}-{of.Index + 1}-of-{of.Count}{Path.GetExtension(path)}");
                PartialStatistics part = Run(file);
                part.Save(file);
                Terminal.Say($"{file}: part {of}, {part.Features.Samples} images. When all parts are there: iba estimate merge PART... --out FILE");
            }
            else
            {
                // Nothing can be kept beside a pipe or a device.
                string? partial = FileStatus.Of(path) is { Type: not FileType.Regular } ? null : $"{path}.partial";
                PartialStatistics all = Run(partial);
                Save(all.Features.Finish(all.Origin), path);
                if (partial is not null)
                    File.Delete(partial);
            }
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static PartialStatistics Estimate(LoadedNetwork loaded, PhotoSet photos, string layer, string? state, Shard? shard, int samples)
    {
        if (File.Exists(state))
            Terminal.Say($"{state}: it holds the work of an earlier run, which is continued.");
        int count = (shard ?? Shard.Whole).CountOf(Math.Min(samples, photos.Files.Count));
        try
        {
            return Terminal.Progress($"estimating {loaded.Network.Resolve(layer)}", count, bar => Estimation.RunPart(
                loaded, photos, layer, state, shard, samples, progress: new ProgressRelay<long>(done => bar.Report(done)),
                halved: StatisticsSource.Halved, leftOut: NamedPhotos.WarnLeftOut, cancellation: Interrupt.Token));
        }
        catch (OperationCanceledException) when (File.Exists(state))
        {
            Terminal.Say($"{state}: it holds the work so far, which the same command continues.");
            throw;
        }
    }

    private static Command Merge()
    {
        var parts = new Argument<string[]>("PART")
        {
            Description = "The files of all parts, made with --shard, in any order.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string> output = CommonOptions.Output("The statistics file to write.");
        var command = new Command("merge", "Join the parts of an estimate. The result is that of one run to 1e-12 in double, for features whose mean is at "
            + "most 100 standard deviations.")
        {
            parts, output,
        };
        command.SetAction(parsed =>
        {
            Save(PartialStatistics.Merge(parsed.GetValue(parts)!, Interrupt.Token), parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Save(FeatureStatistics statistics, string path)
    {
        statistics.Save(path, Interrupt.Token);
        Terminal.Say($"{path}: {statistics.Origin.Layer} of {statistics.Origin.Network} over {statistics.Samples} images.");
    }
}
