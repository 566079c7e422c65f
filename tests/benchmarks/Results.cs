using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Iba.Engine.Backends.Cuda;

namespace Benchmarks;

/// <summary>
/// Joins the files of a run's steps into one: steps.tsv (name, exit code, seconds, why it was not run), *.ctrf.json (tests),
/// *.jsonl (figures), facts.tsv (commit, driver). A step with no file or an incomplete line is named and does not hide the others.
/// </summary>
internal static partial class Results
{
    public static void Write(string folder, string file)
    {
        Diagnosis machine = Doctor.Examine();
        var results = new JsonObject
        {
            ["written"] = $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ}",
            ["facts"] = new JsonObject(Table(folder, "facts.tsv").Select(row => KeyValuePair.Create(row[0], (JsonNode?)row[^1]))),
            ["processor"] = $"{RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} cores",
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["devices"] = Array(machine.Devices.Select(device => new JsonObject
            {
                ["name"] = device.Name,
                ["compute_capability"] = $"{device.ComputeCapability / 10}.{device.ComputeCapability % 10}",
                ["memory_mib"] = device.TotalBytes >> 20,
            })),
            ["findings"] = Array(machine.Findings.Select(finding => new JsonObject
            {
                ["subject"] = finding.Subject,
                ["severity"] = $"{finding.Severity}",
                ["message"] = Folders().Replace(finding.Message, "$1"),
            })),
            ["steps"] = Array(Table(folder, "steps.tsv").Select(row => new JsonObject
            {
                ["step"] = row[0],
                ["outcome"] = row[1],
                ["seconds"] = row.Length > 2 && int.TryParse(row[2], out int seconds) ? seconds : 0,
            })),
            ["tests"] = new JsonObject(Files(folder, "*.ctrf.json").Select(path => KeyValuePair.Create(Step(path), (JsonNode?)Tests(path)))),
            ["figures"] = new JsonObject(Files(folder, "*.jsonl").Select(path => KeyValuePair.Create(Step(path), (JsonNode?)Lines(path)))),
        };
        string whole = results.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
        string part = file + ".part";
        File.WriteAllText(part, whole + "\n");
        File.Move(part, file, overwrite: true);
        Console.WriteLine($"{file}: {whole.Length} bytes");
    }

    private static JsonNode Tests(string path)
    {
        try
        {
            JsonNode results = JsonNode.Parse(File.ReadAllText(path))!["results"]!;
            JsonArray tests = results["tests"]!.AsArray();
            return new JsonObject
            {
                ["summary"] = results["summary"]!.DeepClone(),
                ["failed"] = Array(tests.Where(test => $"{test!["status"]}" == "failed").Select(test => new JsonObject
                {
                    ["name"] = $"{test!["name"]}",
                    ["message"] = Folders().Replace($"{test["message"]}", "$1"),
                })),
                ["skipped"] = Array(tests.Where(test => $"{test!["status"]}" == "skipped").Select(test => new JsonObject
                {
                    ["name"] = $"{test!["name"]}",
                    ["message"] = Folders().Replace($"{test["message"]}", "$1"),
                })),
            };
        }
        catch (Exception broken) when (broken is JsonException or NullReferenceException or IOException)
        {
            return $"unreadable: {broken.Message}";
        }
    }

    private static JsonArray Lines(string path) => Array(File.ReadLines(path).Where(line => line.StartsWith('{')).Select(line =>
    {
        try
        {
            return JsonNode.Parse(line)!;
        }
        catch (JsonException)
        {
            return (JsonNode)"a line that was cut off";
        }
    }));

    private static JsonArray Array(IEnumerable<JsonNode> nodes) => new([.. nodes]);

    private static IEnumerable<string[]> Table(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? File.ReadLines(path).Select(line => line.Split('\t')).Where(row => row.Length > 1) : [];
    }

    private static IEnumerable<string> Files(string folder, string pattern) => Directory.GetFiles(folder, pattern).Order();

    private static string Step(string path) => Path.GetFileName(path).Split('.')[0];

    /// <summary>A path of the machine that ran: the file's name is what matters.</summary>
    [GeneratedRegex(@"(?<![\w.])(?:/[\w.+@-]+)+/([\w.+@-]+)")]
    private static partial Regex Folders();
}
