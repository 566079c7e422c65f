using System.Text.Json.Nodes;

namespace Benchmarks;

/// <summary>What was measured, one JSON object a line: a run that is cut off keeps what it had.</summary>
internal sealed class Figures(string file)
{
    public void Add(JsonObject figures)
    {
        string line = figures.ToJsonString();
        File.AppendAllText(file, line + "\n");
        Console.WriteLine(line);
    }

    /// <summary>Four digits say all that a measurement knows.</summary>
    public static JsonValue Number(double value) => JsonValue.Create(double.IsFinite(value) ? double.Parse($"{value:G4}") : -1);
}
