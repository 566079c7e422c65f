using System.Text.Json;
using Iba.Explaining;
using Microsoft.AspNetCore.Http;

namespace Iba.Service;

/// <summary>The forms of an answer.</summary>
internal enum Format
{
    Json,
    Png,
    Safetensors,
    Html,
}

/// <summary>What is written for whom.</summary>
internal static class Formats
{
    public const string Json = "application/json", Problem = "application/problem+json";

    private static readonly (Format Format, string Word, string MediaType)[] All =
    [
        (Format.Json, "json", Json), (Format.Png, "png", "image/png"), (Format.Safetensors, "safetensors", "application/octet-stream"),
        (Format.Html, "html", "text/html"),
    ];

    /// <summary>The form that a request asks for, by <c>format=</c> or by its Accept header; null if there is none of that kind.</summary>
    public static Format? Of(HttpRequest request)
    {
        string word = request.Query["format"].ToString();
        if (word != "")
            return Find(each => each.Word == word);
        string[] accepted = [.. request.Headers.Accept.ToString().Split(',').Select(part => part.Split(';')[0].Trim()).Where(part => part != "")];
        return accepted is [] ? Format.Json : accepted.Select(type => Find(each => Fits(type, each.MediaType))).FirstOrDefault(found => found is not null);
    }

    public static string MediaType(Format format) => All.First(each => each.Format == format).MediaType;

    /// <summary>The bytes of an answer.</summary>
    public static byte[] Write(Format format, PhotoExplanation photo, bool withPicture, double? scale) => format switch
    {
        Format.Png => photo.ToPng(scale),
        Format.Safetensors => photo.ToSafetensors(),
        Format.Html => photo.ToHtml(),
        _ => JsonSerializer.SerializeToUtf8Bytes(Answer.Of(photo, withPicture, scale), ServiceJson.Default.Answer),
    };

    private static Format? Find(Func<(Format Format, string Word, string MediaType), bool> fits) =>
        All.Where(fits).Select(each => (Format?)each.Format).FirstOrDefault();

    private static bool Fits(string asked, string type) => asked == "*/*" || asked == type || asked.EndsWith("/*") && type.StartsWith(asked[..^1]);
}
