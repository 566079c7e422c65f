using System.Globalization;
using Iba.Explaining;
using Iba.Methods;
using Microsoft.AspNetCore.Http;

namespace Iba.Service;

/// <summary>What a request asks for.</summary>
internal static class Asked
{
    /// <summary>Settings by which a request could take hours or all memory, and their bounds.</summary>
    private static readonly Dictionary<string, int> Costly = new() { ["steps"] = 100, ["copies"] = 50, ["noise-samples"] = 200, ["path-steps"] = 200 };

    /// <summary>The method and class of a query, and the upper end of its picture's colour bar.</summary>
    /// <exception cref="ArgumentException">Something in the query is not what it should be.</exception>
    public static (ExplainerRequest Request, double? Scale) Of(IQueryCollection query)
    {
        var request = new ExplainerRequest
        {
            Target = query["target"].ToString() is { Length: > 0 } target ? target : null,
            MarginTo = query["margin-to"].ToString() is { Length: > 0 } other ? other : null,
        };
        if (query["method"].ToString() is { Length: > 0 } method)
            request = request with { Method = method };
        foreach ((MethodSetting setting, string value) in MethodVariant.Parse(request.Method).Settings)
        {
            if (Costly.TryGetValue(setting.Name, out int most) && double.Parse(value, CultureInfo.InvariantCulture) > most)
                throw new ArgumentException($"method {request.Method}: {setting.Name} is at most {most} here.");
        }
        double? scale = null;
        if (query["scale"].ToString() is { Length: > 0 } end)
        {
            scale = double.TryParse(end, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is > 0 and < 1e9 ? value
                : throw new ArgumentException($"scale={end}: it must be a number above 0.");
        }
        return (request, scale);
    }
}
