using System.Diagnostics;
using System.Globalization;
using Fuzz;

// Fuzz instrument FOLDER: has the assemblies of a copy of this program count their edges.
// Fuzz run MINUTES SEED CORPUS [READER...]: fuzzes the readers in turns, keeps what reaches new code under CORPUS, and prints figures.
if (args is ["instrument", var folder])
{
    foreach (string assembly in (string[])["Iba.Engine.dll", "Iba.Weights.dll", "Iba.Attribution.dll"])
        SharpFuzz.Fuzzer.Instrument(Path.Combine(folder, assembly), _ => true, SharpFuzz.Options.Value);
    return 0;
}
if (args is not ["run", var minutes, var seed, var corpus, .. var names])
{
    Console.Error.WriteLine("usage: Fuzz instrument FOLDER | Fuzz run MINUTES SEED CORPUS [READER...]");
    return 2;
}

// Instrumented code writes into the map from its first call on.
Coverage.Clear();
const double SecondsOfTurn = 10;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
DirectoryInfo work = Directory.CreateTempSubdirectory("iba-fuzz");
var clock = Stopwatch.StartNew();
TimeSpan end = TimeSpan.FromMinutes(double.Parse(minutes, null));
Reader[] readers = [.. Reader.All.Where(reader => names.Length == 0 || names.Contains(reader.Name))];
var fuzzers = new Dictionary<Reader, Fuzzer>();
var gauge = new ResidentPeak();
bool failed = false;
foreach (Reader reader in readers)
{
    string kept = Directory.CreateDirectory(Path.Combine(corpus, reader.Name)).FullName;
    IEnumerable<byte[]> before = Directory.GetFiles(kept).Order(StringComparer.Ordinal).Select(File.ReadAllBytes);
    fuzzers[reader] = new Fuzzer(reader, int.Parse(seed, null), Path.Combine(work.FullName, reader.Name), gauge, before);
    foreach ((string name, byte[] bomb) in Seeds.Bombs(reader.Name))
    {
        Outcome outcome = fuzzers[reader].Try(bomb);
        bool bad = outcome.Failure is not null || outcome.Seconds > reader.Seconds;
        string verdict = bad ? $" FAILED {outcome.Failure}" : "";
        Console.WriteLine(
            $"{reader.Name,-12} bomb '{name}', {bomb.Length / 1e6:0.00} MB: {outcome.Seconds:0.00} s, {outcome.Bytes / 1e6:0} MB{verdict}");
        failed |= bad;
    }
}
while (clock.Elapsed < end)
{
    foreach (Reader reader in readers)
    {
        Fuzzer fuzzer = fuzzers[reader];
        for (TimeSpan turn = clock.Elapsed + TimeSpan.FromSeconds(SecondsOfTurn); clock.Elapsed < turn && clock.Elapsed < end;)
            fuzzer.Next();
        foreach (byte[] file in fuzzer.Found)
            File.WriteAllBytes(Path.Combine(corpus, reader.Name, Fuzzer.NameOf(file)), file);
        fuzzer.Found.Clear();
    }
}
Console.WriteLine($"{"reader",-12} {"cases",10} {"edges",6} {"worst s",8} {"worst MB",9} failures");
foreach ((Reader reader, Fuzzer fuzzer) in fuzzers)
{
    Console.WriteLine(
        $"{reader.Name,-12} {fuzzer.Cases,10} {fuzzer.Edges,6} {fuzzer.WorstSeconds,8:0.00} {fuzzer.WorstBytes / 1e6,9:0.0} "
        + $"{fuzzer.Failures.Count}");
    string bad = Path.Combine(corpus, "failures", reader.Name);
    foreach ((string failure, byte[] file) in fuzzer.Failures)
    {
        Directory.CreateDirectory(bad);
        File.WriteAllBytes(Path.Combine(bad, Fuzzer.NameOf(file)), file);
        Console.WriteLine($"    {Fuzzer.NameOf(file)}: {failure}");
    }
    failed |= fuzzer.Failures.Count > 0 || fuzzer.WorstSeconds > reader.Seconds;
}
work.Delete(recursive: true);
return failed ? 1 : 0;
