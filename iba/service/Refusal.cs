using System.Net;
using System.Text.Json;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Images;
using Microsoft.AspNetCore.Http;

namespace Iba.Service;

/// <summary>Why a request gets no explanation, in words and by its HTTP status.</summary>
internal static class Refusal
{
    public static string TooManyBytes(ServiceSettings settings) => $"a photo has at most {settings.MostBytes} bytes here.";

    /// <summary>What a failure is to its caller.</summary>
    /// <param name="failure">What happened.</param>
    /// <param name="arrived">Whether the photo had arrived by then.</param>
    /// <param name="settings">The bounds.</param>
    public static (int Status, string Detail) Of(Exception failure, bool arrived, ServiceSettings settings) => failure switch
    {
        BadHttpRequestException bad => (bad.StatusCode, bad.StatusCode == 413 ? TooManyBytes(settings) : bad.Message),
        OperationCanceledException when !arrived => (408, $"the photo did not arrive within {settings.Time.TotalSeconds} s."),
        OperationCanceledException => (503, $"the photo was not explained within {settings.Time.TotalSeconds} s."),
        ImageTooLargeException => (413, failure.Message),
        ImageException or NonFiniteException => (422, failure.Message),
        ObjectDisposedException => (503, "the service is stopping."),
        ArgumentException { ParamName: var parameter } => (400, failure.Message.Replace($" (Parameter '{parameter}')", "")),
        DeviceMemoryException or CudaException => (503, failure.Message),
        _ => (500, $"{failure.GetType().Name}: {failure.Message}"),
    };

    public static Task Write(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        var problem = new Problem(status, ((HttpStatusCode)status).ToString(), ForeignText.Harmless(detail));
        return Answer.Write(context, Formats.Problem, JsonSerializer.SerializeToUtf8Bytes(problem, ServiceJson.Default.Problem));
    }
}
