using System.Text;
using System.Text.Json;
using Iba.Engine.Backends.Cuda;

namespace Tests.Devices;

/// <summary>What tests measured, one JSON object a line, in the file that IBA_FIGURES names; nowhere if it names none.</summary>
internal static class Figures
{
    private static readonly string? File = Environment.GetEnvironmentVariable("IBA_FIGURES") is { Length: > 0 } named ? named : null;
    private static readonly Lock Writing = new();

    /// <summary>A distance between two devices.</summary>
    /// <param name="subject">What was computed: an op, a network.</param>
    /// <param name="number">Which of its results.</param>
    /// <param name="precision">The GPU's precision.</param>
    /// <param name="error">The distance, relative.</param>
    /// <param name="allowed">What the test allows.</param>
    public static void Add(string subject, string number, Precision precision, double error, double allowed)
    {
        if (File is null)
            return;
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("subject", subject);
            json.WriteString("number", number);
            json.WriteString("precision", Word(precision));
            if (double.IsFinite(error))
                json.WriteNumber("error", double.Parse($"{error:G4}"));
            else
                json.WriteString("error", $"{error}");
            json.WriteNumber("allowed", allowed);
            json.WriteEndObject();
        }
        lock (Writing)
            System.IO.File.AppendAllText(File, Encoding.UTF8.GetString(line.ToArray()) + "\n");
    }

    /// <summary>As the command line has it.</summary>
    public static string Word(Precision precision) => precision switch { Precision.Float32 => "fp32", Precision.BFloat16 => "bf16", _ => "tf32" };
}
