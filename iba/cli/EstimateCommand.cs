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
        Option<string> output = CommonOptions.Output("The statistics file to write; with --shard, the file of the part.");
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
            + "every minute and when it is stopped; the same command continues it.")
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
            // Nothing can be kept beside a pipe or a device.
            string? partial = FileStatus.Of(path) is { Type: not FileType.Regular } ? null : $"{path}.partial";
            PartialStatistics part = Run(
                loaded, photos, parsed.GetValue(layer) ?? loaded.DefaultLayer, partial, parsed.GetValue(shard), parsed.GetValue(samples));
            string what = $"{path}: {part.Origin.Layer} of {part.Origin.Network} over {part.Features.Samples} images";
            if (parsed.GetValue(shard) is not null)
            {
                part.Save(path, Interrupt.Token);
                Terminal.Say($"{what}, part {part.Shard}. When all parts are there: iba estimate merge PART... --out FILE");
            }
            else
            {
                part.Features.Finish(part.Origin).Save(path, Interrupt.Token);
                Terminal.Say($"{what}.");
            }
            if (partial is not null)
                File.Delete(partial);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static PartialStatistics Run(LoadedNetwork loaded, PhotoSet photos, string layer, string? partial, Shard? shard, int samples)
    {
        if (File.Exists(partial))
            Terminal.Say($"{partial}: an earlier run was stopped; its work is continued.");
        int count = (shard ?? Shard.Whole).CountOf(Math.Min(samples, photos.Files.Count));
        try
        {
            return Terminal.Progress($"estimating {loaded.Network.Resolve(layer)}", count, bar => Estimation.RunPart(
                loaded, photos, layer, partial, shard, samples, progress: new ProgressRelay<long>(done => bar.Report(done)), halved: StatisticsSource.Halved,
                leftOut: NamedPhotos.WarnLeftOut, cancellation: Interrupt.Token));
        }
        catch (OperationCanceledException) when (File.Exists(partial))
        {
            Terminal.Say($"{partial}: it holds the work so far, which the same command continues.");
            throw;
        }
    }

    private static Command Merge()
    {
        var parts = new Argument<string[]>("PART") { Description = "The files of all parts, made with --shard, in any order.", Arity = ArgumentArity.OneOrMore };
        Option<string> output = CommonOptions.Output("The statistics file to write.");
        var command = new Command("merge", "Join the parts of an estimate. The result is that of one run, up to rounding in double: relative errors below 1e-12.")
        {
            parts, output,
        };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(output)!;
            FeatureStatistics statistics = PartialStatistics.Merge(parsed.GetValue(parts)!, Interrupt.Token);
            statistics.Save(path, Interrupt.Token);
            Terminal.Say($"{path}: {statistics.Origin.Layer} of {statistics.Origin.Network} over {statistics.Samples} images.");
            return (int)ExitCode.Done;
        });
        return command;
    }
}
