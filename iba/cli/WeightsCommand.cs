using System.CommandLine;
using Engine.Files;
using Spectre.Console;
using Weights;

namespace Iba.Cli;

/// <summary><c>iba weights</c>: files of trained parameters.</summary>
internal static class WeightsCommand
{
    /// <summary>Characters of a text in a file's metadata to show.</summary>
    private const int LongestText = 500;

    public static Command Create() => new("weights", "Fetch, inspect, verify and convert files of trained weights.")
    {
        Fetch(), Inspect(), Verify(), Convert(),
    };

    private static Command Fetch()
    {
        var name = new Argument<string>("NAME") { Description = $"One of {string.Join(", ", Catalogue.Entries.Select(entry => entry.Name))}." };
        var output = new Option<string?>("--out") { Description = "The folder to put it into. Default: where --model looks for it.", HelpName = "DIR", Validators = { Accepted.FolderToWrite } };
        var command = new Command("fetch", "Download torchvision's weights; goes on where an earlier download stopped, and verifies the file.") { name, output };
        command.SetAction(parsed =>
        {
            string wanted = parsed.GetValue(name)!;
            PublishedWeights entry = Catalogue.Find(wanted)
                ?? throw new UsageException($"{wanted}: known are {string.Join(", ", Catalogue.Entries.Select(known => known.Name))}.");
            using var http = new HttpClient();
            string path = Terminal.Progress($"fetching {entry.FileName}", entry.Bytes, bar => new Download(http)
                .FetchAsync(entry, parsed.GetValue(output) ?? Folders.Weights, new Relay<DownloadProgress>(at => bar.Report(at.Received)), Interrupt.Token).GetAwaiter().GetResult());
            Terminal.Data(path);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static Command Inspect()
    {
        Argument<string> file = FileArgument();
        var command = new Command("inspect", "List what a weights file holds.") { file };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!);
            var facts = Inspection.Of(weights, Interrupt.Token);
            Terminal.Data($"{facts.Path}: {facts.Format}, {facts.Bytes:N0} bytes, {facts.Parameters:N0} parameters");
            Terminal.Data($"sha256 {facts.Sha256}{(facts.Published is { } known ? $", {known.Description}" : "")}");
            if (weights.Unwrapped.Count > 0)
                Terminal.Data($"unwrapped: {string.Join(", ", weights.Unwrapped)}");
            if (weights.LeftOut.Count > 0)
                Terminal.Data($"left out, no tensors: {string.Join(", ", weights.LeftOut)}");
            foreach ((string name, string text) in weights.Metadata)
                Terminal.Data($"{Line(name)}: {Line(text)}");
            var table = new Table().Border(TableBorder.None).AddColumns("name", "type", "shape");
            foreach (StateDictEntry entry in weights.Entries)
                table.AddRow(Markup.Escape(entry.Name), $"{entry.Type}", string.Join(" x ", entry.Shape));
            Terminal.Table(table);
            return (int)ExitCode.Done;
        });
        return command;
    }

    /// <summary>A stranger's text as one line of bounded length, without anything that steers a terminal.</summary>
    private static string Line(string text)
    {
        string start = text.Length > LongestText ? $"{text[..LongestText]}... ({text.Length} characters)" : text;
        return string.Concat(start.Select(letter => char.IsControl(letter) ? ' ' : letter));
    }

    private static Command Verify()
    {
        Argument<string> file = FileArgument();
        var command = new Command("verify", "Read every number of a weights file and hold it against its network.") { file };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!);
            IReadOnlyList<string> problems = Inspection.Problems(weights, Interrupt.Token);
            foreach (string problem in problems)
                Terminal.Fail(problem);
            if (problems.Count == 0)
                Terminal.Data($"{weights.Path}: {NetworkBuilder.Recognise(weights)}, {weights.Entries.Count} tensors, all finite, all in place.");
            return (int)(problems.Count == 0 ? ExitCode.Done : ExitCode.Failed);
        });
        return command;
    }

    private static Command Convert()
    {
        Argument<string> file = FileArgument();
        var output = new Option<string>("--out") { Description = "The .safetensors file to write.", Required = true, HelpName = "FILE", Validators = { Accepted.FileToWrite } };
        var half = new Option<bool>("--half") { Description = "Write float16: half the size, about three digits." };
        var command = new Command("convert", "Write a weights file as safetensors, which opens faster and cannot hold a program.") { file, output, half };
        command.SetAction(parsed =>
        {
            using StateDict weights = StateDict.Open(parsed.GetValue(file)!);
            Conversion.Write(weights, parsed.GetValue(output)!, parsed.GetValue(half) ? ElementType.F16 : ElementType.F32, Interrupt.Token);
            Terminal.Data(parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> FileArgument() => new("FILE") { Description = "A .pth or .safetensors file." };
}
