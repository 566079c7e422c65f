using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iba.Engine.Files;
using Iba.Evaluation;

namespace Iba.Cli;

/// <summary>
/// <c>iba evaluate</c>: how well methods find what a decision rests on. A command for each measure, <c>run</c> for several at once, and the commands on the
/// folder of a run.
/// </summary>
internal static class EvaluateCommand
{
    /// <summary>The command line that made the records, beside each ledger.</summary>
    private const string CommandFile = "command";

    public static Command Create()
    {
        var command = new Command("evaluate", "Measure attribution methods against what is known of photos.");
        foreach ((Command each, _) in Evaluations())
            command.Add(each);
        command.Add(SummaryCommand.Create());
        command.Add(LedgerCommands.Merge());
        command.Add(LedgerCommands.Verify());
        return command;
    }

    /// <summary>Copies the command line of an evaluation beside the ledger that it was joined in, where there is one.</summary>
    public static void CopyCommand(string from, string to)
    {
        if (CommandIn(from) is { } file)
            AtomicFile.Write(Path.Combine(to, $"{CommandFile}.json"), File.ReadAllBytes(file), Interrupt.Token);
    }

    /// <summary>The evaluation that a folder's command line stands for, and its options.</summary>
    /// <exception cref="LedgerException">The folder does not hold one.</exception>
    public static (ParseResult Parsed, EvaluationOptions Options) Recorded(string folder)
    {
        try
        {
            JsonNode recorded = JsonNode.Parse(File.ReadAllText(CommandIn(folder)!))!;
            string[] words = [.. recorded["arguments"]!.AsArray().Select(word => (string)word!)];
            string directory = (string)recorded["directory"]!;
            if (!Directory.Exists(directory))
                throw new LedgerException(folder, $"its command ran in {directory}, which is not there", "Restore that folder and what the command names");
            Environment.CurrentDirectory = directory;
            (Command Command, EvaluationOptions Options)[] evaluations = [.. Evaluations()];
            var root = new RootCommand();
            var evaluate = new Command("evaluate");
            root.Add(evaluate);
            foreach ((Command each, _) in evaluations)
                evaluate.Add(each);
            ParseResult parsed = CommandLine.Parse(root, words);
            if (CommandLine.Mistakes(parsed) is [var mistake, ..])
                throw new UsageException($"the command that {folder} records does not fit this machine: {mistake}");
            return (parsed, evaluations.First(each => each.Command == parsed.CommandResult.Command).Options);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException
            or NullReferenceException or ArgumentException)
        {
            throw new LedgerException(folder, "it does not say by which command it was made",
                $"Name the folder of --out of: iba evaluate run; it holds {CommandFile}.json", failed);
        }
    }

    private static string? CommandIn(string folder) => Directory.GetFiles(folder, $"{CommandFile}*.json").Order(StringComparer.Ordinal)
        .FirstOrDefault(file => FileStatus.Of(file) is { Type: FileType.Regular });

    private static IEnumerable<(Command Command, EvaluationOptions Options)> Evaluations() =>
    [
        Evaluation("run", "Several measures at once: each map is computed once for all of them. Records go to a folder as they are made, so that the "
            + "evaluation can be stopped, continued and shared out.", new EvaluationOptions()),
        Evaluation("grid", "Search for per-sample's settings (paper appendix F): every combination of the values is evaluated, and the best one comes first.",
            new EvaluationOptions(searches: true), best: true),
        .. Measures.All.Select(kind => Evaluation(kind.Name, kind.About, new EvaluationOptions(kind))),
    ];

    private static (Command, EvaluationOptions) Evaluation(string name, string about, EvaluationOptions options, bool best = false)
    {
        var command = new Command(name, about);
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            using OpenEvaluation open = options.Open(parsed);
            if (options.PlansOnly(parsed))
                return (int)new EvaluationPlan(open).Print();
            using Ledger? ledger = options.Folder(parsed) is { } folder ? Begin(parsed, folder, open) : null;
            return (int)new EvaluationReport(open, ledger, options.Json(parsed), best).Print();
        });
        return (command, options);
    }

    /// <summary>Opens the ledger, and records the command beside it.</summary>
    private static Ledger Begin(ParseResult parsed, string folder, OpenEvaluation open)
    {
        if (open.Photos.Files.GroupBy(file => file.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new UsageException($"--images: {string.Join(" and ", twice.Take(2).Select(file => file.Path))} have one name in the records, {twice.Key}. "
                + "Name a folder above both.");
        }
        var ledger = new Ledger(folder, open.Shard, open.Run().Settings, open.Photos.Files.Count);
        foreach (string note in ledger.Contents.Notes)
            Terminal.Say($"{note}.");
        if (ledger.Contents.Records.Count > 0)
            Terminal.Say($"{folder}: {ledger.Contents.Records.Count} records are there and are not computed again.");
        var command = new JsonObject
        {
            ["directory"] = Environment.CurrentDirectory,
            // The part itself: where a record is verified, no job engine tells it.
            ["arguments"] = new JsonArray([.. parsed.Tokens.Select((token, i) =>
                (JsonNode)(i > 0 && parsed.Tokens[i - 1].Value == CommonOptions.ShardName ? open.Shard.ToString() : token.Value))]),
        };
        AtomicFile.Write(Path.Combine(folder, $"{CommandFile}{open.Shard.Suffix}.json"), JsonSerializer.SerializeToUtf8Bytes(command, Json.Lines.JsonObject));
        return ledger;
    }
}
