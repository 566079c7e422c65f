using System.Text;
using System.Text.Json.Serialization;
using Iba.Explaining;
using Microsoft.AspNetCore.Http;

namespace Iba.Service;

/// <summary>An explanation as JSON: the names are those of <c>iba attribute --json</c>.</summary>
internal sealed record Answer(
    string Image, string ImageSha256, string Model, string Method, string? Layer, int Target, string TargetLabel, int Predicted, string PredictedLabel,
    double Probability, double? ProbabilityRestricted, double? TotalBits, double? MaxBitsPerPixel, double[]? Loss, string Unit, int Height, int Width,
    byte[]? Picture, string? Objective)
{
    public static Answer Of(PhotoExplanation photo, bool withPicture, double? scale) => new(
        photo.Facts["image"], photo.Facts["image_sha256"], photo.Facts["model"], photo.Facts["method"], photo.Facts.GetValueOrDefault("layer"),
        photo.Target, photo.Label, photo.Predicted, photo.PredictedLabel, photo.Probability, photo.Bits?.ProbabilityRestricted, photo.Bits?.TotalBits,
        photo.Bits is null ? null : photo.Heatmap.Max, photo.Bits is { } bits ? [.. bits.Losses.Select(loss => (double)loss.Total)] : null,
        photo.Heatmap.Unit.Words, photo.Heatmap.Height, photo.Heatmap.Width, withPicture ? photo.ToPng(scale) : null,
        photo.Facts.GetValueOrDefault("objective"));

    /// <summary>Says yes by 200 and no by 503.</summary>
    public static Task Say(HttpContext context, bool holds, string yes, string no)
    {
        context.Response.StatusCode = holds ? 200 : 503;
        return Write(context, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes(holds ? yes : no));
    }

    /// <summary>Writes the bytes of an answer.</summary>
    public static async Task Write(HttpContext context, string type, byte[] body)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }
}

/// <summary>Why there is no explanation (RFC 9457).</summary>
internal sealed record Problem(int Status, string Title, string Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ServiceJson : JsonSerializerContext;
