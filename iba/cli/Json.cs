using System.Globalization;
using System.Numerics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Iba.Engine.Autograd;
using Iba.Engine.Diagnostics;

namespace Iba.Cli;

/// <summary>
/// One line of <c>iba attribute --json</c>. Seconds are those of the attribution itself; reading (decoding and hashing too) and writing (drawing too)
/// are told apart, since they go on beside it.
/// </summary>
internal sealed record AttributionLine(
    string Image, string Model, string Method, string? Layer, int Target, string TargetLabel, int Predicted, string PredictedLabel,
    double Probability, double? ProbabilityRestricted, double? TotalBits, double? MaxBitsPerPixel, IReadOnlyList<double>? Loss,
    int? Seeds, double? TotalBitsDeviation, string Map, string Overlay, string? MapOnly, string? Npy, string? Report, double Seconds,
    double ReadSeconds, double WriteSeconds, string Activation, string Device, string Precision, string? Objective);

/// <summary>One line of <c>iba predict --json</c>.</summary>
internal sealed record PredictionLine(string Image, IReadOnlyList<Prediction> Top, string Activation, string Device, string Precision);

/// <summary>One class of a prediction.</summary>
internal sealed record Prediction(int Class, string Label, double Probability, float Logit);

/// <summary>An image that failed, in <c>--json</c> output.</summary>
internal sealed record FailureLine(string Image, string Error)
{
    /// <summary>Reports why a photo failed, with --json also as its line among the results.</summary>
    /// <param name="image">The photo as named on the command line.</param>
    /// <param name="message">The message, which names the photo.</param>
    /// <param name="json">Whether results are lines of JSON.</param>
    public static void Tell(string image, string message, bool json)
    {
        Terminal.Fail(message);
        if (json)
            Terminal.Data(JsonSerializer.Serialize(new FailureLine(image, message), Json.Lines.FailureLine));
    }
}

/// <summary>A photo that <c>iba evaluate</c> leaves out, and why.</summary>
internal sealed record LeftOutLine(string Image, string Measure, string LeftOut);

/// <summary>What <c>iba tape</c> writes: NAME.tape.json.</summary>
internal sealed record TapeDocument(
    string Image, string Model, string Of, int Target, string? Rule, IReadOnlyDictionary<string, string> Settings, PathTimes Times,
    NonFiniteDocument? FirstNonFinite, string? LargestLoss, string? Parting, IReadOnlyList<PathLayer> Layers, IReadOnlyList<PathLine> Lines,
    IReadOnlyList<DerivativeCheck> Checks);

/// <summary>The first line that computed NaN or an infinity.</summary>
internal sealed record NonFiniteDocument(
    int Line, string Name, string Op, bool IsBackward, string Result, int Row, IReadOnlyList<string> Causes, IReadOnlyList<NumberRange> Inputs, string Words);

[JsonSerializable(typeof(TapeDocument))]
[JsonSerializable(typeof(AttributionLine))]
[JsonSerializable(typeof(PredictionLine))]
[JsonSerializable(typeof(FailureLine))]
[JsonSerializable(typeof(LeftOutLine))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(DoctorLine))]
[JsonSerializable(typeof(PackedUnitLine))]
internal sealed partial class Json : JsonSerializerContext
{
    /// <summary>snake_case; non-ASCII letters of class and file names are not escaped.</summary>
    public static Json Lines { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new Finite<double>(), new Finite<float>() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>A number; null stands for one that is not finite, which JSON does not have.</summary>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <summary>JSON has no NaN and no infinity: null stands for them.</summary>
    private sealed class Finite<T> : JsonConverter<T> where T : IBinaryFloatingPointIeee754<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            throw new NotSupportedException("lines are only written");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            if (!T.IsFinite(value))
                writer.WriteNullValue();
            else
                writer.WriteRawValue(value.ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
