using System.Security.Cryptography;
using System.Text;
using Iba.Engine.Files;
using Microsoft.AspNetCore.Http;

namespace Iba.Service;

/// <summary>A secret that callers send: <c>Authorization: Bearer KEY</c>, or <c>X-API-Key: KEY</c>.</summary>
internal sealed class ApiKey
{
    private const int ShortestKey = 16;

    private readonly byte[] _hash;

    private ApiKey(string key) => _hash = Hash(key);

    /// <summary>The key of a file's first line, else that of the environment; null if there is none.</summary>
    /// <exception cref="ArgumentException">It is shorter than 16 characters.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ApiKey? Find(string? file, string? environment)
    {
        if (file is null && string.IsNullOrEmpty(environment))
            return null;
        string key = (file is null ? environment! : File.ReadLines(file).FirstOrDefault() ?? "").Trim();
        return key.Length >= ShortestKey ? new ApiKey(key)
            : throw new ArgumentException($"the API key of {file ?? "IBA_KEY"} has {key.Length} characters: give at least {ShortestKey}.");
    }

    /// <summary>Whether a caller knows it. The time does not tell how much of it was right.</summary>
    public bool IsIn(IHeaderDictionary headers)
    {
        const string Scheme = "Bearer ";
        string authorization = headers.Authorization.ToString();
        string given = authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? authorization[Scheme.Length..] : headers["X-API-Key"].ToString();
        return CryptographicOperations.FixedTimeEquals(Hash(given.Trim()), _hash);
    }

    private static byte[] Hash(string key) => Sha256Hash.Of(Encoding.UTF8.GetBytes(key));
}
