using System.CommandLine;
using Iba.Evaluation;

namespace Iba.Cli;

/// <summary><c>iba evaluate merge</c> and <c>verify</c>: the folders of evaluations.</summary>
internal static class LedgerCommands
{
    /// <summary>Relative error that is allowed where the arithmetic is another one: that of networks in float32, amplified by ten updates of a mask.</summary>
    private const double OtherArithmetic = 1e-3;

    public static Command Merge()
    {
        var folders = new Argument<string[]>("RUN") { Description = "The folders of the parts.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out")
        {
            Description = "The folder of the joined evaluation.",
            Required = true,
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var command = new Command("merge", "Join the parts of an evaluation in one ledger with sorted lines. Equal evaluations give equal bytes.")
        {
            folders, output,
        };
        command.SetAction(parsed =>
        {
            string to = parsed.GetValue(output)!;
            LedgerContents joined = Ledger.Merge(parsed.GetValue(folders)!, to);
            EvaluateCommand.CopyCommand(parsed.GetValue(folders)![0], to);
            foreach (string note in joined.Notes)
                Terminal.Say($"{note}.");
            Terminal.Say($"{to}: {joined.Records.Count} records.");
            return (int)ExitCode.Done;
        });
        return command;
    }

    public static Command Verify()
    {
        var folder = new Argument<string>("RUN") { Description = "The folder of an evaluation: --out of iba evaluate run." };
        var count = new Option<int>("--records")
        {
            Description = "Records to compute again.",
            DefaultValueFactory = _ => 20,
            CustomParser = Number.Between(1, 1_000_000).Parse,
        };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the choice.", CustomParser = Number.AtLeast(0ul).Parse };
        var tolerance = new Option<double>("--tolerance")
        {
            Description = "Relative to the largest magnitude of a quantity. Default: 0 where device, precision, Winograd and register width are those of the "
                + $"record, {OtherArithmetic} where they are not.",
            DefaultValueFactory = _ => double.NaN,
            CustomParser = Number.Between(0.0, 1.0).Parse,
        };
        var command = new Command("verify", "Compute a random sample of an evaluation's records again, by the command that made them, and compare.")
        {
            folder, count, seed, tolerance,
        };
        command.SetAction(parsed =>
        {
            string named = Path.GetFullPath(parsed.GetValue(folder)!);
            LedgerContents contents = Ledger.Open(named);
            (ParseResult recorded, EvaluationOptions options) = EvaluateCommand.Recorded(named);
            using OpenEvaluation open = options.Open(recorded);
            HashSet<string> mine = [.. open.Run().Settings.Select(each => each.Id)];
            Measurement[] all = [.. contents.Records.OfType<Measurement>().Where(record => mine.Contains(record.Settings))];
            if (all.Length == 0)
            {
                throw new LedgerException(named, "none of its records has the settings of its command",
                    "The network, the statistics or this program have changed since: restore them, or evaluate again into another folder");
            }
            return (int)new Verification(open, contents, Sample(all, parsed.GetValue(count), parsed.GetValue(seed))).Print(parsed.GetValue(tolerance));
        });
        return command;
    }

    private static Measurement[] Sample(Measurement[] all, int count, ulong seed)
    {
        var random = new Random((int)(seed % int.MaxValue));
        random.Shuffle(all);
        return all[..Math.Min(count, all.Length)];
    }

    /// <summary>Computes records again and compares them.</summary>
    private sealed class Verification(OpenEvaluation open, LedgerContents contents, Measurement[] sample)
    {
        public ExitCode Print(double tolerance)
        {
            Dictionary<(string Settings, string Name), Measurement> wanted = sample.ToDictionary(record => (record.Settings, record.Name));
            HashSet<string> names = [.. sample.Select(record => record.Name)];
            RecordKey[] known = [.. contents.Records.Select(record => record.Key).Where(key => !wanted.ContainsKey((key.Settings, key.Name)))];
            EvaluationRun run = open.Run(known, open.Photos.Where(file => names.Contains(file.Name)));
            int done = 0, different = 0;
            Terminal.Progress("verifying", names.Count, bar =>
            {
                foreach (EvaluationRecord record in run.Records(new AttributionRelay(bar.Report), Interrupt.Token))
                {
                    if (record is FailedPhoto failed)
                        Terminal.Fail(failed.Reason);
                    if (record is not Measurement again || !wanted.Remove((record.Settings, record.Name), out Measurement? before) || before is null)
                        continue;
                    done++;
                    if (Difference(before, again, tolerance) is { } difference)
                    {
                        different++;
                        Terminal.Fail($"{record.Name}, {again.Method} by {again.Measure}: {difference}.");
                    }
                }
            });
            foreach (Measurement missing in wanted.Values)
                Terminal.Fail($"{missing.Name}, {missing.Method} by {missing.Measure}: the photo is missing, left out, or cannot be explained.");
            Terminal.Data($"{done - different} of {sample.Length} records are reproduced, {different} differ, {wanted.Count} could not be computed.");
            return different + wanted.Count == 0 ? ExitCode.Done : ExitCode.Failed;
        }

        private static string? Difference(Measurement before, Measurement again, double tolerance)
        {
            if (double.IsNaN(tolerance))
                tolerance = before.Arithmetic == again.Arithmetic ? 0 : OtherArithmetic;
            if (!before.Key.IsOf(again.Sha256, again.Truth))
                return before.Sha256 != again.Sha256 ? "the photo's file is another one" : "its class, annotation or mask is another one";
            if (before.Target != again.Target)
                return $"it explained class {before.Target}, now {again.Target}";
            foreach ((string name, double[] values) in before.Numbers)
            {
                double[] now = again[name];
                double largest = values.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
                int at = values.Length != now.Length ? Math.Min(values.Length, now.Length) - 1
                    : Enumerable.Range(0, values.Length).FirstOrDefault(i => !Same(values[i], now[i], tolerance * largest), -1);
                if (at >= 0)
                    return FormattableString.Invariant($"{name} was {values[at]}, now {now[at]}");
            }
            return null;
        }

        private static bool Same(double a, double b, double most) => a.Equals(b) || Math.Abs(a - b) <= most;
    }
}
