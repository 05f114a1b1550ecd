import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AuthApi;
import org.openapitools.client.api.ChatApi;
import org.openapitools.client.api.ConversationsApi;
import org.openapitools.client.api.MessagesApi;
import org.openapitools.client.api.PlansApi;
import org.openapitools.client.api.UploadsApi;
import org.openapitools.client.api.UsersApi;
import org.openapitools.client.model.ChatInput;
import org.openapitools.client.model.CreateConversationInput;
import org.openapitools.client.model.CreateUserInput;
import org.openapitools.client.model.ErrorResponse;
import org.openapitools.client.model.LoginInput;
import org.openapitools.client.model.Message;
import org.openapitools.client.model.UploadedFile;

/** The scenario of scenario.ts, with OpenAPI Generator's client for Java's own HTTP client. */
public final class Scenario {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] none) throws Exception {
    String email = System.getenv("EMAIL");
    String password = "correct horse battery staple";
    ApiClient anyone = at(System.getenv("SERVICE_URL"));
    AuthApi auth = new AuthApi(anyone);
    Map<String, Object> result = new LinkedHashMap<>();

    CreateUserInput account = new CreateUserInput().provider("email").email(email).password(password);
    result.put("email", new UsersApi(anyone).createUser(account).getData().getEmail());
    result.put("refused", refusalOf(auth, new LoginInput().email(email).password("wrong")));
    String token = auth.login(new LoginInput().email(email).password(password)).getData().getAccessToken();
    ApiClient client = at(System.getenv("SERVICE_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));

    result.put("plan", new PlansApi(client).changePlan("pro", null).getData().getDetail().getValue());
    Path file = Files.writeString(Files.createTempDirectory("client").resolve("notes.txt"), "what it says");
    UploadedFile uploaded = new UploadsApi(client).uploadFile(file.toFile(), null).getData();
    result.put("filename", uploaded.getFilename());
    result.put("fileText", read(uploaded.getUrl()));

    ConversationsApi conversations = new ConversationsApi(client);
    MessagesApi messages = new MessagesApi(client);
    ChatApi chat = new ChatApi(client);
    CreateConversationInput plans = new CreateConversationInput().title("Holiday plans");
    UUID id = conversations.createConversation(null, plans).getData().getConversationId();
    result.put("answer", chat.chat(question(id, "Hello?"), null).getData().getResponse());
    String streamed = streamWithCut(client, messages, id, token);
    result.put("streamed", streamed);
    result.put("stopped", leave(stream(client, token, Map.of("message", "And then?"))));
    List<List<String>> read = new ArrayList<>();
    for (Message message : messages.listMessages(id, null, null).getData()) {
      read.add(List.of(message.getMessageType(), message.getStatus(), (String) message.getContent().get("text")));
    }
    same(read.get(3).get(2), streamed);
    result.put("messages", read);
    result.put("deleted", conversations.deleteConversation(id, null, null).getData().getTitle());
    System.out.println(JSON.writeValueAsString(result));
  }

  private static ApiClient at(String url) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(url + "/api/v1");
    return client;
  }

  private static ChatInput question(UUID conversationId, String message) {
    return new ChatInput().conversationId(conversationId).message(message);
  }

  private static Map<String, Object> refusalOf(AuthApi auth, LoginInput wrong) throws Exception {
    try {
      auth.login(wrong);
    } catch (ApiException refused) {
      ErrorResponse error = ApiClient.createDefaultObjectMapper().readValue(refused.getResponseBody(), ErrorResponse.class);
      return Map.of("code", error.getCode(), "message", error.getMessage());
    }
    throw new IllegalStateException("A wrong password logs in");
  }

  private static String read(URI url) throws Exception {
    return HttpClient.newHttpClient().send(HttpRequest.newBuilder(url).build(), BodyHandlers.ofString()).body();
  }

  private static HttpRequest.Builder request(ApiClient client, String path, String token) {
    URI address = URI.create(client.getBaseUri() + path);
    return HttpRequest.newBuilder(address).header("Authorization", "Bearer " + token);
  }

  /** Follows an answer over a connection that breaks, and over another one to its end. Its text. */
  private static String streamWithCut(ApiClient client, MessagesApi messages, UUID id, String token) throws Exception {
    Map<String, Object> question = Map.of("conversation_id", id, "message", "Where is it warm in March?");
    List<JsonNode> seen = new ArrayList<>();
    boolean isCut = false;
    try {
      for (Iterator<JsonNode> events = eventsIn(stream(client, token, question)); events.hasNext(); ) {
        seen.add(events.next());
        if (isCut || !textOf(seen).equals("Try Madeira ")) continue;
        isCut = true;
        cut();
      }
    } catch (UncheckedIOException broken) {
      if (!isCut) throw broken;
    }
    same(isCut, true);
    same(seen.get(seen.size() - 1).has("response"), false);
    List<Message> stored = messages.listMessages(id, null, null).getData();
    UUID reply = stored.get(stored.size() - 1).getMessageId();
    String rest = "/messages/" + reply + "/stream?after=" + seen.get(seen.size() - 1).get("sequence");
    eventsIn(send(request(client, rest, token).build())).forEachRemaining(seen::add);
    for (int index = 0; index < seen.size(); index++) same(seen.get(index).get("sequence").asInt(), index + 1);
    same(seen.get(seen.size() - 1).get("response").asText(), textOf(seen));
    return textOf(seen);
  }

  /** Stops an answer as REST does: by leaving the stream of a chat that stores nothing. The text that came. */
  private static String leave(Stream<String> lines) {
    try (lines) {
      return eventsIn(lines).next().get("text").asText();
    }
  }

  /** Without the generated functions, which take every answer for JSON, streams too. */
  private static Stream<String> stream(ApiClient client, String token, Map<String, Object> question) throws Exception {
    HttpRequest.Builder asking = request(client, "/chat/stream", token).header("Content-Type", "application/json");
    return send(asking.POST(BodyPublishers.ofString(JSON.writeValueAsString(question))).build());
  }

  private static Stream<String> send(HttpRequest request) throws Exception {
    HttpResponse<Stream<String>> response = HttpClient.newHttpClient().send(request, BodyHandlers.ofLines());
    same(response.statusCode(), 200);
    return response.body();
  }

  private static Iterator<JsonNode> eventsIn(Stream<String> lines) {
    return lines.filter(line -> line.startsWith("data: ")).map(line -> parsed(line.substring("data: ".length()))).iterator();
  }

  private static JsonNode parsed(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException malformed) {
      throw new IllegalStateException(malformed);
    }
  }

  private static String textOf(List<JsonNode> events) {
    StringBuilder text = new StringBuilder();
    for (JsonNode event : events) if (event.has("text")) text.append(event.get("text").asText());
    return text.toString();
  }

  /** Breaks every connection with the service; then the model goes on. */
  private static void cut() throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("STAGE_URL") + "/cut")).POST(BodyPublishers.noBody()).build();
    HttpClient.newHttpClient().send(request, BodyHandlers.discarding());
  }

  private static void same(Object value, Object expected) {
    if (!value.equals(expected)) throw new IllegalStateException(value + " in place of " + expected);
  }
}
