using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Iba.Cli;

/// <summary>One line of <c>iba attribute --json</c>.</summary>
internal sealed record AttributionLine(
    string Image, string Model, string Method, string? Layer, int Target, string TargetLabel, int Predicted, string PredictedLabel,
    double Probability, double? ProbabilityRestricted, double? TotalBits, double? MaxBitsPerPixel, IReadOnlyList<double>? Loss,
    string Map, string Overlay, string? MapOnly, string? Npy, double Seconds, string Device, string Precision);

/// <summary>One line of <c>iba predict --json</c>.</summary>
internal sealed record PredictionLine(string Image, IReadOnlyList<Prediction> Top, string Device, string Precision);

/// <summary>One class of a prediction.</summary>
internal sealed record Prediction(int Class, string Label, double Probability, float Logit);

/// <summary>An image that failed, in <c>--json</c> output.</summary>
internal sealed record FailureLine(string Image, string Error);

/// <summary>A photo that <c>iba evaluate boxes</c> leaves out, and why.</summary>
internal sealed record LeftOutLine(string Image, string LeftOut);

[JsonSerializable(typeof(AttributionLine))]
[JsonSerializable(typeof(PredictionLine))]
[JsonSerializable(typeof(FailureLine))]
[JsonSerializable(typeof(LeftOutLine))]
[JsonSerializable(typeof(BoxLine))]
[JsonSerializable(typeof(DoctorLine))]
internal sealed partial class Json : JsonSerializerContext
{
    /// <summary>snake_case; names of classes and files in their own letters, not escaped.</summary>
    public static Json Lines { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
