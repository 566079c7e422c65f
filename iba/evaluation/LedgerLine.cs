using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iba.Engine.Files;

namespace Iba.Evaluation;

/// <summary>
/// A line of a ledger: a JSON object whose last member, <c>check</c>, is the first 64 bits of the SHA-256 of the bytes before it. There are lines of
/// settings, of the number of photos, of measurements and of photos that a measure leaves out. None holds a time or the name of a machine: equal
/// evaluations have equal lines.
/// </summary>
internal static class LedgerLine
{
    private const string Open = ",\"check\":\"", Close = "\"}";
    private const int Digits = 16;

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(EvaluationSettings settings)
    {
        JsonObject line = new() { ["settings"] = settings.Id, ["of"] = settings.ToJson() };
        return Sealed(line);
    }

    public static string Of(PlannedPhotos planned) => Sealed(new JsonObject { ["photos"] = planned.Count });

    public static string Of(EvaluationRecord record)
    {
        var line = new JsonObject { ["settings"] = record.Settings, ["image"] = record.Name, ["sha256"] = record.Sha256, ["truth"] = record.Truth };
        if (record is LeftOutPhoto leftOut)
        {
            line["measure"] = leftOut.Measure;
            line["left_out"] = leftOut.Reason;
            return Sealed(line);
        }
        var measurement = (Measurement)record;
        line["method"] = measurement.Method;
        line["measure"] = measurement.Measure;
        line["target"] = measurement.Target;
        line["target_from"] = $"{measurement.TargetFrom}".ToLowerInvariant();
        var numbers = new JsonObject();
        foreach ((string name, double[] values) in measurement.Numbers)
            numbers[name] = new JsonArray([.. values.Select(value => !double.IsFinite(value) ? null : (JsonNode)JsonValue.Create(value))]);
        line["numbers"] = numbers;
        if (measurement.Arithmetic is { } arithmetic)
        {
            line["device"] = arithmetic.Device;
            line["precision"] = arithmetic.Precision;
            line["winograd"] = arithmetic.Winograd;
            line["register_bits"] = arithmetic.RegisterBits;
        }
        return Sealed(line);
    }

    /// <summary>What a line says: settings, a number of photos or a record; null if it is damaged.</summary>
    public static object? Read(ReadOnlySpan<byte> line)
    {
        int body = line.Length - Open.Length - Digits - Close.Length;
        if (body < 1 || !Encoding.UTF8.GetString(line[body..]).Equals($"{Open}{Check(line[..body])}{Close}", StringComparison.Ordinal))
            return null;
        try
        {
            JsonObject of = JsonNode.Parse(line)!.AsObject();
            if (of["photos"] is { } photos)
                return (int)photos >= 0 ? new PlannedPhotos((int)photos) : null;
            if (of["of"] is JsonObject settings)
            {
                var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
                foreach ((string name, JsonNode? value) in settings["values"]!.AsObject())
                    values[name] = Text(value);
                return new EvaluationSettings((string?)settings["method"], Text(settings["measure"]), values);
            }
            string image = Text(of["image"]), measure = Text(of["measure"]);
            EvaluationRecord record = of["left_out"] is { } reason
                ? new LeftOutPhoto(image, measure, Text(reason))
                : new Measurement(image, Text(of["method"]), measure, (int)of["target"]!,
                    Enum.Parse<TargetSource>((string)of["target_from"]!, ignoreCase: true), [.. of["numbers"]!.AsObject().Select(Quantity)])
                {
                    Arithmetic = of["device"] is { } device
                        ? new Arithmetic(Text(device), Text(of["precision"]), (bool?)of["winograd"], (int?)of["register_bits"])
                        : null,
                };
            if (record is Measurement { Target: < 0 } or Measurement { Numbers.Count: 0 })
                return null;
            return record with { Sha256 = Text(of["sha256"]), Truth = (string?)of["truth"] ?? "", Settings = Text(of["settings"]) };
        }
        catch (Exception damaged) when (damaged is JsonException or InvalidOperationException or NullReferenceException or ArgumentException
            or FormatException or OverflowException)
        {
            return null;
        }
    }

    /// <summary>A text that must be there.</summary>
    private static string Text(JsonNode? node) => (string?)node ?? throw new FormatException("a text is missing");

    private static Quantity Quantity(KeyValuePair<string, JsonNode?> member) =>
        new(member.Key, [.. member.Value!.AsArray().Select(value => value is null ? double.NaN : (double)value)]);

    private static string Sealed(JsonObject line)
    {
        byte[] body = Bytes(line)[..^1];
        return $"{Encoding.UTF8.GetString(body)}{Open}{Check(body)}{Close}";
    }

    /// <summary>An object in the spelling of a ledger.</summary>
    public static byte[] Bytes(JsonObject of) => Encoding.UTF8.GetBytes(of.ToJsonString(Relaxed));

    /// <summary>The first 64 bits of the SHA-256, in hexadecimal.</summary>
    public static string Check(ReadOnlySpan<byte> bytes) => Sha256Hash.Hex(bytes)[..Digits];
}

/// <summary>How many photos an evaluation has in all, whatever its shards.</summary>
/// <param name="Count">The number.</param>
public sealed record PlannedPhotos(int Count);
