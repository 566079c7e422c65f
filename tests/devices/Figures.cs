using System.Text.Json.Nodes;
using Iba.Engine.Backends.Cuda;

namespace Tests.Devices;

/// <summary>Measurements, one JSON object a line: a run that is cut off keeps what it had.</summary>
/// <param name="file">Where they are appended; nowhere if this is null.</param>
internal sealed class Figures(string? file)
{
    private readonly Lock _writing = new();

    /// <summary>The figures of tests, in the file that the environment variable IBA_FIGURES names.</summary>
    public static Figures OfTests { get; } = new(Environment.GetEnvironmentVariable("IBA_FIGURES") is { Length: > 0 } named ? named : null);

    /// <summary>A distance between two devices.</summary>
    /// <param name="subject">What was computed: an op, a network.</param>
    /// <param name="number">Which of its results.</param>
    /// <param name="precision">The GPU's precision.</param>
    /// <param name="error">The distance, relative.</param>
    /// <param name="allowed">What the test allows.</param>
    public void Add(string subject, string number, Precision precision, double error, double allowed) => Add(new JsonObject
    {
        ["subject"] = subject,
        ["number"] = number,
        ["precision"] = precision.Word(),
        ["error"] = Number(error),
        ["allowed"] = allowed,
    });

    public void Add(JsonObject figures)
    {
        if (file is null)
            return;
        lock (_writing)
            File.AppendAllText(file, figures.ToJsonString() + "\n");
    }

    /// <summary>Rounded to four digits. A number that is not finite becomes a string, because JSON has none.</summary>
    public static JsonValue Number(double value) => double.IsFinite(value) ? JsonValue.Create(double.Parse($"{value:G4}")) : JsonValue.Create($"{value}");
}
