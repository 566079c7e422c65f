using System.CommandLine;
using Iba.Engine.Files;
using Iba.Weights;

namespace Iba.Cli;

/// <summary><c>iba weights</c>: files of trained parameters.</summary>
internal static class WeightsCommand
{
    /// <summary>Characters of a text in a file's metadata to show.</summary>
    private const int LongestText = 500;

    /// <summary>Tensors, and names of other things, to list: a hostile file may hold a million.</summary>
    private const int MostEntries = 10_000, MostNames = 50;

    public static Command Create() => new("weights", "Fetch, inspect, verify and convert files of trained weights.")
    {
        Fetch(), Inspect(), Verify(), Convert(),
    };

    private static Command Fetch()
    {
        var name = new Argument<string>("NAME") { Description = $"One of {string.Join(", ", Catalogue.Entries.Select(entry => entry.Name))}." };
        var output = new Option<string?>("--out")
        {
            Description = "The folder to put it into. Default: where --model looks for it.",
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var command = new Command("fetch", "Download torchvision's weights, resume an interrupted download, and verify the file.") { name, output };
        command.SetAction(parsed =>
        {
            string wanted = parsed.GetValue(name)!;
            PublishedWeights entry = Catalogue.Find(wanted)
                ?? throw new UsageException($"{wanted}: known are {string.Join(", ", Catalogue.Entries.Select(known => known.Name))}.");
            using var http = new HttpClient();
            string path = Terminal.Progress($"fetching {entry.FileName}", entry.Bytes ?? 0, bar => new Download(http)
                .FetchAsync(
                    entry, parsed.GetValue(output) ?? Folders.Weights, new ProgressRelay<DownloadProgress>(at => bar.Report(at.Received)), Interrupt.Token)
                .GetAwaiter().GetResult());
            Terminal.Data(path);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static Command Inspect()
    {
        (Argument<string> file, Option<string?> part) = (FileArgument(), NetworkOptions.StateDictOption());
        var command = new Command("inspect", "Show the format, hash and tensors of a weights file.") { file, part };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!, parsed.GetValue(part), Interrupt.Token);
            var facts = Inspection.Of(weights, Interrupt.Token);
            Terminal.Data($"{facts.Path}: {facts.Format}, {facts.Bytes:N0} bytes, {facts.Parameters:N0} parameters, not counting buffers "
                + $"({facts.Buffers:N0} elements)");
            Terminal.Data($"sha256 {facts.Sha256}{(facts.Published is { } known ? $", {known.Description}" : "")}");
            Names("unwrapped", weights.Unwrapped);
            Names("fit a network as well (--state-dict takes one)", weights.Alternatives);
            Names("left out", weights.LeftOut);
            Names("skipped", weights.Skipped);
            Names("Python names that mean nothing here, and were not run", weights.Unknown);
            foreach ((string name, string text) in weights.Metadata)
                Terminal.Data($"{Shortened(name)}: {Shortened(text)}");
            foreach (StateDictEntry entry in weights.Entries.Take(MostEntries))
            {
                Interrupt.Token.ThrowIfCancellationRequested();
                Terminal.Data($"{Shortened(entry.Name),-40} {Shortened(entry.TypeName),-7} {string.Join(" x ", entry.Shape)}");
            }
            if (weights.Entries.Count > MostEntries)
                Terminal.Data($"... and {weights.Entries.Count - MostEntries:N0} more");
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Names(string title, IReadOnlyCollection<string> names)
    {
        if (names.Count > 0)
        {
            string more = names.Count > MostNames ? $" ... ({names.Count:N0} in all)" : "";
            Terminal.Data($"{title}: {string.Join(", ", names.Take(MostNames).Select(Shortened))}{more}");
        }
    }

    /// <summary>A stranger's text in bounded length.</summary>
    private static string Shortened(string text) => text.Length > LongestText ? $"{text[..LongestText]}... ({text.Length} characters)" : text;

    private static Command Verify()
    {
        (Argument<string> file, Option<string?> part) = (FileArgument(), NetworkOptions.StateDictOption());
        var command = new Command("verify", "Read a weights file completely: does every tensor fit its network, and is every value finite?") { file, part };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!, parsed.GetValue(part), Interrupt.Token);
            IReadOnlyList<string> problems = Inspection.Problems(weights, Interrupt.Token);
            foreach (string[] lines in problems.Select(problem => problem.Split('\n')))
                new Failure(ExitCode.Failed, lines[0], lines[1..]).Report();
            if (problems.Count == 0)
                Terminal.Data($"{weights.Path}: {NetworkBuilder.Recognise(weights)}, {weights.Entries.Count} tensors, all finite, all in place.");
            return (int)(problems.Count == 0 ? ExitCode.Done : ExitCode.Failed);
        });
        return command;
    }

    private static Command Convert()
    {
        (Argument<string> file, Option<string?> part) = (FileArgument(), NetworkOptions.StateDictOption());
        Option<string> output = CommonOptions.Output("The .safetensors file to write.");
        var half = new Option<bool>("--half") { Description = "Write float16: half the size, about three digits." };
        var command = new Command("convert", "Write a weights file as safetensors, which opens faster and cannot hold a program.") { file, output, half, part };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!, parsed.GetValue(part), Interrupt.Token);
            Conversion.Write(weights, parsed.GetValue(output)!, parsed.GetValue(half) ? ElementType.F16 : ElementType.F32, Interrupt.Token);
            Terminal.Data(parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> FileArgument() => new("FILE") { Description = "A .pth or .safetensors file, or the index of sharded ones." };
}
