using System.CommandLine;
using System.Text.Json.Nodes;
using Iba.Evaluation;

namespace Iba.Cli;

/// <summary><c>iba evaluate summary</c>: the scores of an evaluation's folder, finished or not.</summary>
internal static class SummaryCommand
{
    public static Argument<string> Folder() => new("RUN") { Description = "The folder of an evaluation: --out of iba evaluate run." };

    public static Command Create()
    {
        Argument<string> folder = Folder();
        var json = new Option<bool>("--json") { Description = "A line of JSON for each method, measure and quantity, in place of tables." };
        var command = new Command("summary", "Print the scores of an evaluation, finished or not, with the bootstrap's standard errors and 95 % intervals.")
        {
            folder, json,
        };
        command.SetAction(parsed =>
        {
            string named = parsed.GetValue(folder)!;
            LedgerContents contents = Ledger.Open(named);
            foreach (string note in contents.Notes)
                Terminal.Say($"{note}.");
            MeasureKind[] kinds = [.. Measures.All.Where(kind => contents.Records.OfType<Measurement>().Any(record => record.Measure == kind.Name))];
            if (kinds.Length == 0)
                throw new LedgerException(named, "it holds no measurement yet", "Wait for the first batch of: iba evaluate run");
            if (contents.Arithmetics is { Count: > 1 } several)
                Terminal.Warn($"the records are of different arithmetics, which differ in the last digits: {string.Join("; ", several)}.");
            int photos = contents.Records.DistinctBy(record => record.Name).Count();
            Terminal.Say($"{named}: {photos} of {contents.Photos} photos.");
            if (parsed.GetValue(json))
            {
                foreach (MeasureKind kind in kinds)
                {
                    foreach (Score score in kind.Scores(contents.Records))
                        Terminal.Data(Line(kind.Name, score));
                }
            }
            else
                EvaluationReport.Tables(kinds, contents.Records, contents.Settings.Values.First().Values["network"]);
            return (int)ExitCode.Done;
        });
        return command;
    }

    internal static string Line(string measure, Score score) => new JsonObject
    {
        ["method"] = score.Method,
        ["measure"] = measure,
        ["quantity"] = score.Quantity,
        ["mean"] = Json.Number(score.Value),
        ["low"] = Json.Number(score.Low),
        ["high"] = Json.Number(score.High),
        ["standard_error"] = Json.Number(score.StandardError),
        ["count"] = score.Photos,
        ["undefined"] = score.Undefined,
    }.ToJsonString(Json.Lines.Options);
}
